import { type Frication, PHONES, type Phone, type PhoneName } from './phones.ts'
import type { Pose } from './pose.ts'
import type { ScoredPhone } from './score.ts'

/** How a gesture meets its neighbours: it decides the length of the transitions. */
export type GestureKind = 'silence' | 'vowel' | 'glide' | 'nasal' | 'closure' | 'burst' | 'fricative' | 'aspirate'

/** A stretch of one articulation. A phone is one gesture, or a closure and a release. */
export interface Gesture {
  readonly kind: GestureKind
  readonly startSeconds: number
  readonly endSeconds: number
  readonly start: Pose
  readonly end: Pose
}

type Triple = readonly [number, number, number]

const SILENT_FRICATION: Frication = {
  lowHz: 3000,
  lowBandwidthHz: 1500,
  lowGain: 0,
  highHz: 6000,
  highBandwidthHz: 2500,
  highGain: 0,
  flatGain: 0,
}
const BURST_SECONDS = 0.014
/** Share of an unvoiced and of a voiced stop's length during which the mouth is closed. */
const CLOSURE_SHARE = 0.55
const VOICED_CLOSURE_SHARE = 0.75

/** Turns the placed phones into gestures, with silence between the lines. */
export function articulate(phones: readonly ScoredPhone[], durationSeconds: number): Gesture[] {
  const gestures: Gesture[] = []
  let time = 0
  for (const [i, scored] of phones.entries()) {
    const before = phones[i - 1]
    const after = phones[i + 1]
    const isFirst = before === undefined || before.endSeconds < scored.startSeconds
    const isLast = after === undefined || after.startSeconds > scored.endSeconds
    const own = gesturesOf(scored, isFirst ? null : before.phone, isLast ? null : after.phone)
    if (isFirst) gestures.push(silence(time, scored.startSeconds, own[0].start))
    gestures.push(...own)
    time = scored.endSeconds
  }
  gestures.push(silence(time, durationSeconds, gestures[gestures.length - 1].end))
  return gestures
}

function silence(startSeconds: number, endSeconds: number, near: Pose): Gesture {
  const pose = { ...near, voicing: 0, aspiration: 0, lowGain: 0, highGain: 0, flatGain: 0 }
  return { kind: 'silence', startSeconds, endSeconds, start: pose, end: pose }
}

function gesturesOf(scored: ScoredPhone, before: PhoneName | null, after: PhoneName | null): Gesture[] {
  const { startSeconds, endSeconds } = scored
  const phone: Phone = PHONES[scored.phone]
  const whole = (kind: GestureKind, start: Pose, end = start) => [{ kind, startSeconds, endSeconds, start, end }]
  switch (phone.kind) {
    case 'vowel':
      return whole('vowel', pose(phone, phone.formantsHz), pose(phone, phone.endFormantsHz))
    case 'glide':
      return whole('glide', pose(phone, phone.formantsHz))
    case 'nasal':
      return whole('nasal', { ...pose(phone, phone.formantsHz), nasality: 1 })
    case 'fricative':
      return whole('fricative', pose(phone, coarticulated(scored.phone, before, after), phone.frication))
    case 'aspirate': {
      const formants = after === null ? phone.formantsHz : PHONES[after].formantsHz
      return whole('aspirate', { ...pose(phone, formants), aspiration: 0.5 })
    }
    case 'stop':
    case 'affricate':
      return stopGestures(scored, phone, coarticulated(scored.phone, before, after), after)
  }
}

/** Closure, burst, and for unvoiced stops the breath that follows; an affricate's release lasts to its end. */
function stopGestures(scored: ScoredPhone, phone: Phone, formants: Triple, after: PhoneName | null): Gesture[] {
  const { startSeconds, endSeconds } = scored
  const isVoiced = phone.voicing > 0
  const share = phone.kind === 'affricate' ? 0.4 : isVoiced ? VOICED_CLOSURE_SHARE : CLOSURE_SHARE
  const releaseSeconds = startSeconds + share * (endSeconds - startSeconds)
  const closed = pose(phone, formants)
  const frication = phone.frication === null ? null : tunedBurst(scored.phone, phone.frication, formants[1])
  const burst = { ...pose(phone, formants, frication), voicing: isVoiced ? 0.3 : 0 }
  const closure: Gesture = { kind: 'closure', startSeconds, endSeconds: releaseSeconds, start: closed, end: closed }
  const burstEnd = phone.kind === 'affricate' ? endSeconds : Math.min(endSeconds, releaseSeconds + BURST_SECONDS)
  const release: Gesture = {
    kind: 'burst',
    startSeconds: releaseSeconds,
    endSeconds: burstEnd,
    start: burst,
    end: burst,
  }
  if (burstEnd >= endSeconds - 0.002) return [closure, { ...release, endSeconds }]
  const target = after !== null && PHONES[after].kind === 'vowel' ? PHONES[after].formantsHz : formants
  const breath = (f: Triple): Pose => ({
    ...pose(phone, f),
    voicing: isVoiced ? 0.6 : 0,
    aspiration: isVoiced ? 0 : 0.3,
  })
  const half: Triple = [target[0], (formants[1] + target[1]) / 2, (formants[2] + target[2]) / 2]
  const open: Gesture = {
    kind: 'aspirate',
    startSeconds: burstEnd,
    endSeconds,
    start: breath(formants),
    end: breath(half),
  }
  return [closure, release, open]
}

/** A constriction's formants lean towards the neighbouring vowel, velars most of all. */
function coarticulated(name: PhoneName, before: PhoneName | null, after: PhoneName | null): Triple {
  const phone: Phone = PHONES[name]
  const vowelAfter = after !== null && isOpen(PHONES[after]) ? PHONES[after].formantsHz : null
  const vowelBefore = before !== null && isOpen(PHONES[before]) ? PHONES[before].endFormantsHz : null
  const neighbour = vowelAfter ?? vowelBefore
  if (neighbour === null) return phone.formantsHz
  const lean = name === 'K' || name === 'G' ? 0.75 : 0.35
  const [f1, f2, f3] = phone.formantsHz
  return [f1, f2 + lean * (neighbour[1] - f2), f3 + 0.5 * lean * (neighbour[2] - f3)]
}

function isOpen(phone: Phone): boolean {
  return phone.kind === 'vowel' || phone.kind === 'glide'
}

/** A velar burst sounds at the second formant of what follows. */
function tunedBurst(name: PhoneName, frication: Frication, f2: number): Frication {
  return name === 'K' || name === 'G' ? { ...frication, lowHz: f2 * 1.05 } : frication
}

function pose(phone: Phone, formants: Triple, frication: Frication | null = null): Pose {
  const [f1, f2, f3] = formants
  const [b1, b2, b3] = phone.bandwidthsHz
  return {
    f1,
    f2,
    f3,
    b1,
    b2,
    b3,
    nasality: 0,
    voicing: phone.voicing,
    aspiration: 0,
    ...(frication ?? SILENT_FRICATION),
  }
}
