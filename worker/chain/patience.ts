/** How long is waited for what. */
export interface Patience {
  /** Between two looks for a receipt: at first, and at most. */
  readonly pollMs: number
  readonly slowestPollMs: number
  /** Without a receipt for so long, a waiting order looks what stands in its way. */
  readonly resyncMs: number
  /** Next in line and not mined for so long, a transaction is replaced by one with a higher fee. */
  readonly stuckMs: number
  /** A nonce that somebody else has used, or a gap before ours, is believed after so long: nodes behind one address differ. */
  readonly displacedMs: number
}

/** For a chain that mines at once, on this machine. */
export const developmentPatience: Patience = {
  pollMs: 15,
  slowestPollMs: 250,
  resyncMs: 500,
  stuckMs: 10_000,
  displacedMs: 2_000,
}

/** For a chain with blocks every few seconds, behind a service. */
export const publicPatience: Patience = {
  pollMs: 500,
  slowestPollMs: 3_000,
  resyncMs: 10_000,
  stuckMs: 120_000,
  displacedMs: 60_000,
}
