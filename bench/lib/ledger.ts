/** What became of every event. `missing` and `repeated` must be 0, or the run says nothing about speed. */
export interface Ledger {
  /** Events that were acknowledged to the sender, or laid into the log. */
  readonly published: number
  /** Ids that arrived. */
  readonly delivered: number
  readonly deadLettered: number
  /** Acknowledged, and nowhere. */
  readonly missing: number
  /** Arrivals beyond the first of an id. */
  readonly repeated: number
  /** Sent without an answer, when the run ended. May have arrived. */
  readonly cutOff: number
}

export function balances({ published, delivered, deadLettered, missing, repeated, cutOff }: Ledger): boolean {
  // Of those cut off any number may have arrived.
  const surplus = delivered + deadLettered - published
  return missing === 0 && repeated === 0 && surplus >= 0 && surplus <= cutOff
}

/** @param arrived how often each number arrived. */
export function ledgerOf(
  acked: Uint8Array,
  arrived: ReadonlyMap<number, number>,
  { sent, deadLettered = 0 }: { sent: number; deadLettered?: number },
): Ledger {
  let published = 0
  let missing = 0
  for (let n = 0; n < acked.length; n++) {
    if (acked[n] !== 1) continue
    published++
    if (!arrived.has(n)) missing++
  }
  let repeated = 0
  for (const times of arrived.values()) repeated += times - 1
  return {
    published,
    delivered: arrived.size,
    deadLettered,
    missing: Math.max(0, missing - deadLettered),
    repeated,
    cutOff: sent - published,
  }
}
