import { expect, test } from 'vitest'
import { parseDate, parseIsrc, parseIswc } from '../../worker/providers/metadata/codes.ts'
import { isSameSong } from '../../worker/providers/metadata/match.ts'
import { track } from '../support/music-databases.ts'

const is = (title: string, artists: string[], candidate: { title: string; artists: string[] }) =>
  isSameSong({ ...track, title, artists }, candidate)

test.each([
  ['Déjà Vu', ['Beyoncé'], 'Deja vu', ['BEYONCE']],
  ['Umbrella (feat. JAY-Z)', ['Rihanna'], 'Umbrella', ['Rihanna', 'JAY-Z']],
  ['Yesterday', ['The Beatles'], 'Yesterday - Remastered 2009', ['The Beatles']],
  ['Yesterday', ['The Beatles'], 'Yesterday - 2009 Remaster', ['The Beatles']],
  ['The Boxer', ['Simon & Garfunkel'], 'The Boxer', ['Simon', 'Garfunkel']],
  ['夜に駆ける', ['YOASOBI'], '夜に駆ける', ['Yoasobi']],
  ['???', ['!!!'], '???', ['!!!']],
  ['Don’t Stop', ['Fleetwood Mac'], "Don't Stop", ['Fleetwood Mac']],
])('%s by %s is %s', (title, artists, otherTitle, otherArtists) => {
  expect(is(title, artists, { title: otherTitle, artists: otherArtists })).toBe(true)
})

test.each([
  ['Hurt', ['Johnny Cash'], 'Hurt', ['Nine Inch Nails']],
  ['Layla', ['Eric Clapton'], 'Layla (Live)', ['Eric Clapton']],
  ['Layla', ['Eric Clapton'], 'Layla - Acoustic', ['Eric Clapton']],
  ['One', ['U2'], 'One Love', ['U2']],
  ['???', ['A'], '!!!', ['A']],
  ['One', [], 'One', []],
  ['One', [''], 'One', ['']],
])('%s by %s is not %s', (title, artists, otherTitle, otherArtists) => {
  expect(is(title, artists, { title: otherTitle, artists: otherArtists })).toBe(false)
})

test('ISRC and ISWC come in one form, or not at all', () => {
  expect(parseIsrc('gb-aye-06-01498')).toBe('GBAYE0601498')
  for (const wrong of ['', null, undefined, 'GBAYE060149', 'GBAYE06014988', 'GB*YE0601498'])
    expect(parseIsrc(wrong)).toBe(null)
  for (const code of ['T-034.524.680-1', 'T0345246801', 't-034524680-1'])
    expect(parseIswc(code)).toBe('T-034.524.680-1')
  for (const wrong of ['', null, 'T-034.524.680-2', 'T-034.524.68-1', '0345246801']) expect(parseIswc(wrong)).toBe(null)
})

test('a date is a day, a month or a year; nothing else is one', () => {
  for (const date of ['2007-01-09', '2007-01', '2007']) expect(parseDate(date)).toBe(date)
  for (const wrong of ['', null, '0000', '2007-13', '2007-01-32', 'January 2007', '2007-01-09T00:00:00Z']) {
    expect(parseDate(wrong)).toBe(null)
  }
})
