/** Live switches. A count wears off by itself, a rate does not. */
export interface SandboxStripeFaults {
  latencyMs: number
  /** The next n calls are answered with `failStatus`. */
  failNext: number
  failRate: number
  failStatus: number
  /** Failures hit only paths that hold this; '' is every path. */
  failPath: string
  /** The call has its effect before it is answered with a 5xx. */
  failApplied: boolean
  /** A 5xx is kept under the idempotency key, as Stripe does once a call was begun. */
  keepFailures: boolean
  retryAfterSeconds: number | null
  /** The next n writes are applied, then the connection drops. */
  loseAnswerNext: number
  loseAnswerRate: number
  /** The next n calls drop before anything is applied. */
  resetNext: number
  /** How long a search does not show what was made or changed. */
  searchLagMs: number
  webhooks: {
    /** The next n deliveries get lost, and are tried again later. */
    loseNext: number
    /** Each is delivered twice. */
    duplicate: boolean
    /** Kept back until `release`. */
    hold: boolean
  }
}

export function noFaults(): SandboxStripeFaults {
  return {
    latencyMs: 0,
    failNext: 0,
    failRate: 0,
    failStatus: 500,
    failPath: '',
    failApplied: false,
    keepFailures: true,
    retryAfterSeconds: null,
    loseAnswerNext: 0,
    loseAnswerRate: 0,
    resetNext: 0,
    searchLagMs: 0,
    webhooks: { loseNext: 0, duplicate: false, hold: false },
  }
}

export type Fate = 'answered' | 'failed' | 'reset' | 'lost'

/** What becomes of the next call. */
export function fateOf(faults: SandboxStripeFaults, path: string, writes: boolean, random: () => number): Fate {
  if (counted(faults, 'resetNext')) return 'reset'
  const isHit = path.includes(faults.failPath)
  if (isHit && (counted(faults, 'failNext') || random() < faults.failRate)) return 'failed'
  return writes && (counted(faults, 'loseAnswerNext') || random() < faults.loseAnswerRate) ? 'lost' : 'answered'
}

/** @throws Error for a switch that there is not. */
export function patchFaults(faults: SandboxStripeFaults, patch: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(patch)) {
    if (name === 'webhooks') Object.assign(faults.webhooks, value)
    else if (name in faults) Object.assign(faults, { [name]: value })
    else throw new Error(`no switch "${name}"; there are ${Object.keys(faults).join(', ')}`)
  }
}

function counted(faults: SandboxStripeFaults, name: 'failNext' | 'loseAnswerNext' | 'resetNext'): boolean {
  if (faults[name] <= 0) return false
  faults[name]--
  return true
}
