/** Live switches. A count wears off by itself, a rate does not. */
export interface SandboxRestFaults {
  latencyMs: number
  /** The next n calls are answered with `failStatus`; nothing is applied. */
  failNext: number
  failRate: number
  failStatus: number
  /** Sent with failures when set. */
  retryAfterSeconds: number | null
  /** The next n calls that write are applied, then the connection drops without an answer. */
  loseAnswerNext: number
  loseAnswerRate: number
  /** The next n calls drop before anything is applied. */
  resetNext: number
  resetRate: number
  /** Passes over so many pages of lists, then fails one with `failStatus`. null: none. */
  failPageAfter: number | null
  /** Passes over so many pages of lists, then answers one with 200, no records, no next page and no total. null: none. */
  emptyPageAfter: number | null
  webhooks: {
    loseNext: number
    loseRate: number
    duplicateRate: number
    delayMs: number
    /** Kept back until `release`. */
    hold: boolean
  }
}

export function noFaults(): SandboxRestFaults {
  return {
    latencyMs: 0,
    failNext: 0,
    failRate: 0,
    failStatus: 503,
    retryAfterSeconds: null,
    loseAnswerNext: 0,
    loseAnswerRate: 0,
    resetNext: 0,
    resetRate: 0,
    failPageAfter: null,
    emptyPageAfter: null,
    webhooks: { loseNext: 0, loseRate: 0, duplicateRate: 0, delayMs: 0, hold: false },
  }
}

export type Fate = 'answered' | 'failed' | 'reset' | 'lost'

/** What becomes of the next call. */
export function fateOf(faults: SandboxRestFaults, writes: boolean, random: () => number): Fate {
  if (counted(faults, 'resetNext') || random() < faults.resetRate) return 'reset'
  if (counted(faults, 'failNext') || random() < faults.failRate) return 'failed'
  return writes && (counted(faults, 'loseAnswerNext') || random() < faults.loseAnswerRate) ? 'lost' : 'answered'
}

/** True for the one page that the switch means; it is off then. */
export function isThePage(faults: SandboxRestFaults, name: 'failPageAfter' | 'emptyPageAfter'): boolean {
  const left = faults[name]
  if (left === null) return false
  faults[name] = left === 0 ? null : left - 1
  return left === 0
}

function counted(faults: SandboxRestFaults, name: 'resetNext' | 'failNext' | 'loseAnswerNext'): boolean {
  if (faults[name] <= 0) return false
  faults[name]--
  return true
}
