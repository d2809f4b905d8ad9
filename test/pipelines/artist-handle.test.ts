import { expect, test } from 'vitest'
import { handleCandidates, sanitizeHandle } from '../../worker/pipelines/artist/handle.ts'

const candidates = (name: string, identity = 'artist:a:1', longest = 30) =>
  handleCandidates({ name, identity }, longest)

test('the first handle is the sanitised name and the suffix', () => {
  expect(candidates('Artist Name')[0]).toBe('artist-name-ks1')
})

test.each([
  ['Beyoncé', 'beyonce'],
  ['Sigur Rós', 'sigur-ros'],
  ['AC/DC', 'ac-dc'],
  ['Destiny’s Child', 'destinys-child'],
  ["Guns N' Roses", 'guns-n-roses'],
  ['  --Mø & Straße-- ', 'mo-strasse'],
  ['Ｆｕｌｌ Ｗｉｄｔｈ', 'full-width'],
  ['P!nk', 'p-nk'],
  ['İstanbul', 'istanbul'],
  ['王菲', ''],
  ['!!!', ''],
  ['\u0000<script>', 'script'],
  ['👩‍🎤', ''],
])('%s becomes %s', (name, expected) => {
  expect(sanitizeHandle(name)).toBe(expected)
})

test.each(['Beyoncé', '王菲', '!!!', 'a', 'n'.repeat(500), 'the-artist-whose-name-is-cut-at-a-dash', '9', '-'])(
  'ten handles for %s, none twice, all of a form that registries take',
  (name) => {
    for (const longest of [26, 30]) {
      const handles = candidates(name, 'artist:a:1', longest)
      expect(new Set(handles).size).toBe(10)
      for (const handle of handles) {
        expect(handle).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*-ks1$/)
        expect(handle.length).toBeLessThanOrEqual(longest)
      }
    }
  },
)

test('the same artist always has the same list; artists of one name share all but the last, those without letters none', () => {
  expect(candidates('Mika')).toEqual(candidates('Mika'))
  expect(candidates('Mika').slice(0, 3)).toEqual(['mika-ks1', 'mika-2-ks1', 'mika-3-ks1'])
  const [one, other] = [candidates('Mika', 'artist:a:1'), candidates('Mika', 'artist:a:2')]
  expect(one.slice(0, 9)).toEqual(other.slice(0, 9))
  expect(one[9]).not.toBe(other[9])
  expect(candidates('王菲', 'artist:a:1')[0]).not.toBe(candidates('周杰倫', 'artist:a:2')[0])
})
