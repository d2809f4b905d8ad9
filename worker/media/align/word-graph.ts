import { type AcousticModel, findTriphone, STATES_PER_PHONE, WORD_POSITION } from './acoustic-model.ts'

/** Probability of going through silence at a word boundary. */
const SILENCE_PROBABILITY = 0.05
const SILENCE = 'SIL'
/** Below this log probability a skip over a phone's middle state is not modelled. */
const SKIP_FLOOR = -8

/** Vowels of either model, but for the French schwa, which is often not sung at all. */
const SUNG_VOWEL = /^(?:[AEIOU]|(?!ee|uy)[aeiou])/
/**
 * Frames that each of a vowel's three states lasts at least. The models learned from read speech; singing holds its vowels, and
 * words crammed into less than that are a sign of a lost path.
 */
const LEAST_VOWEL_STATE_FRAMES = 2

/** The pronunciations of one word; every pronunciation has at least one phone of the model. */
export type Pronunciations = readonly (readonly string[])[]

/** A phone of one pronunciation of one word. */
export interface GraphPhone {
  readonly word: number
  readonly phone: string
}

/**
 * Hidden Markov states of a sequence of words with silence allowed before, between and after them.
 * States are numbered so that every transition goes from a lower to a higher number, or to itself.
 */
export interface WordGraph {
  readonly stateCount: number
  readonly wordCount: number
  /** Senones in use, in order of their codebook; states name them by position (`slotOfState`). */
  readonly senones: Int32Array
  readonly slotOfState: Int32Array
  /** −1 for silence. */
  readonly wordOfState: Int32Array
  /** Index into `phones`; −1 for silence. */
  readonly phoneOfState: Int32Array
  /** 1 where the state begins its word. */
  readonly beginsWord: Uint8Array
  readonly selfScores: Float64Array
  /** State j's predecessors are `predecessors[predecessorStart[j] … predecessorStart[j + 1] − 1]`. */
  readonly predecessorStart: Int32Array
  readonly predecessors: Int32Array
  readonly predecessorScores: Float64Array
  readonly starts: readonly Link[]
  readonly ends: readonly Link[]
  readonly phones: readonly GraphPhone[]
}

export interface Link {
  readonly state: number
  readonly score: number
}

/** Builds the graph of `words` (at least one). Triphones reach across words; silence has no context. */
export function buildWordGraph(model: AcousticModel, words: readonly Pronunciations[]): WordGraph {
  const states = new StateList(model)
  const phones: GraphPhone[] = []
  const starts: Link[] = []
  const silence = model.phones.indexOf(SILENCE)
  const silenceScore = Math.log(SILENCE_PROBABILITY)
  const phoneIndex = new Map(model.phones.map((phone, index) => [phone, index]))
  const indexOf = (phone: string) => phoneIndex.get(phone) ?? silence

  const addSilence = (from: readonly Link[], isFirst: boolean): Link => {
    const added = states.addPhone({ position: 0, base: silence, left: silence, right: silence, word: -1, phone: -1 })
    for (const link of from) states.link(link.state, added.first, link.score + silenceScore)
    if (isFirst) starts.push({ state: added.first, score: silenceScore })
    return { state: added.last, score: added.exitScore }
  }

  let ends: Link[] = []
  words.forEach((pronunciations, word) => {
    const from = [...ends, addSilence(ends, word === 0)]
    const before = indexOf(words[word - 1]?.[0].at(-1) ?? SILENCE)
    const after = indexOf(words[word + 1]?.[0][0] ?? SILENCE)
    ends = pronunciations.map((pronunciation) => {
      let last: Link | undefined
      pronunciation.forEach((phone, k) => {
        const isLast = k === pronunciation.length - 1
        const added = states.addPhone({
          position: wordPosition(k === 0, isLast),
          base: indexOf(phone),
          left: k === 0 ? before : indexOf(pronunciation[k - 1]),
          right: isLast ? after : indexOf(pronunciation[k + 1]),
          word,
          phone: phones.length,
        })
        phones.push({ word, phone })
        if (last) states.link(last.state, added.first, last.score)
        else {
          for (const link of from) states.link(link.state, added.first, link.score)
          if (word === 0) starts.push({ state: added.first, score: 0 })
          states.beginsWord[added.first] = 1
        }
        last = { state: added.last, score: added.exitScore }
      })
      return last!
    })
  })
  ends = [...ends, addSilence(ends, false)]
  return { ...states.freeze(), wordCount: words.length, starts, ends, phones }
}

/** Frames of the shortest way through a graph: fewer cannot hold its words. */
export function leastFrames(graph: WordGraph): number {
  const least = new Float64Array(graph.stateCount).fill(Number.POSITIVE_INFINITY)
  for (const { state } of graph.starts) least[state] = 1
  for (let j = 0; j < graph.stateCount; j++) {
    for (let q = graph.predecessorStart[j]; q < graph.predecessorStart[j + 1]; q++) {
      least[j] = Math.min(least[j], least[graph.predecessors[q]] + 1)
    }
  }
  return Math.min(...graph.ends.map(({ state }) => least[state]))
}

function wordPosition(isFirst: boolean, isLast: boolean): number {
  if (isFirst && isLast) return WORD_POSITION.single
  if (isFirst) return WORD_POSITION.begin
  return isLast ? WORD_POSITION.end : WORD_POSITION.internal
}

interface PhoneInContext {
  readonly position: number
  readonly base: number
  readonly left: number
  readonly right: number
  readonly word: number
  readonly phone: number
}

/** Grows the arrays of a graph. */
class StateList {
  readonly beginsWord: number[] = []
  private readonly senoneOfState: number[] = []
  private readonly wordOfState: number[] = []
  private readonly phoneOfState: number[] = []
  private readonly selfScores: number[] = []
  private readonly incoming: Link[][] = []
  private readonly model: AcousticModel

  constructor(model: AcousticModel) {
    this.model = model
  }

  addPhone({ position, base, left, right, word, phone }: PhoneInContext) {
    const { senones, transitions } = findTriphone(this.model, position, base, left, right)
    const copies = SUNG_VOWEL.test(this.model.phones[base]) ? LEAST_VOWEL_STATE_FRAMES : 1
    const first = this.senoneOfState.length
    for (let k = 0; k < STATES_PER_PHONE; k++) {
      for (let copy = 0; copy < copies; copy++) {
        const state = this.addState(senones[k], word, phone)
        if (copy > 0) this.link(state - 1, state, transitions[k][k])
        else if (k > 0) this.link(state - 1, state, transitions[k - 1][k])
        // Only the last copy can be stayed in, so that every way through takes all of them.
        if (copy === copies - 1) this.selfScores[state] = transitions[k][k]
      }
    }
    if (transitions[0][2] > SKIP_FLOOR) this.link(first + copies - 1, first + 2 * copies, transitions[0][2])
    const last = first + STATES_PER_PHONE * copies - 1
    return { first, last, exitScore: transitions[STATES_PER_PHONE - 1][STATES_PER_PHONE] }
  }

  private addState(senone: number, word: number, phone: number): number {
    this.senoneOfState.push(senone)
    this.wordOfState.push(word)
    this.phoneOfState.push(phone)
    this.beginsWord.push(0)
    this.selfScores.push(Number.NEGATIVE_INFINITY)
    return this.incoming.push([]) - 1
  }

  link(from: number, to: number, score: number): void {
    this.incoming[to].push({ state: from, score })
  }

  freeze() {
    const { codebookOfSenone } = this.model
    const senones = Int32Array.from(new Set(this.senoneOfState)).sort(
      (a, b) => codebookOfSenone[a] - codebookOfSenone[b] || a - b,
    )
    const slots = new Map(Array.from(senones, (senone, slot) => [senone, slot]))
    const predecessorStart = new Int32Array(this.incoming.length + 1)
    this.incoming.forEach((links, j) => {
      predecessorStart[j + 1] = predecessorStart[j] + links.length
    })
    const links = this.incoming.flat()
    return {
      stateCount: this.senoneOfState.length,
      senones,
      slotOfState: Int32Array.from(this.senoneOfState, (senone) => slots.get(senone)!),
      wordOfState: Int32Array.from(this.wordOfState),
      phoneOfState: Int32Array.from(this.phoneOfState),
      beginsWord: Uint8Array.from(this.beginsWord),
      selfScores: Float64Array.from(this.selfScores),
      predecessorStart,
      predecessors: Int32Array.from(links, (link) => link.state),
      predecessorScores: Float64Array.from(links, (link) => link.score),
    }
  }
}
