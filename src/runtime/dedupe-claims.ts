import type { StateStore, Write } from '../state/state-store.ts'
import type { FlowKeys } from './flow-keys.ts'
import type { Claim, Run } from './run.ts'

interface DedupeRecord {
  readonly owner: string
  readonly time: string
  readonly done?: true
}

/** Which event a dedupe key belongs to. A claim is made at once; it is confirmed or let go when its event, or item, ends. */
export class DedupeClaims {
  readonly #keys: FlowKeys
  readonly #state: StateStore
  readonly #rememberMs: number

  constructor({ keys, state, rememberMs }: { keys: FlowKeys; state: StateStore; rememberMs: number }) {
    this.#keys = keys
    this.#state = state
    this.#rememberMs = rememberMs
  }

  /** A dedupe claim belongs to an event id; `withinMs` is measured in event time. */
  async claim(run: Run, step: string, value: string, claim: Claim): Promise<'mine' | 'taken' | 'wait'> {
    if (run.dryRun) return 'mine'
    const key = this.#keys.dedupe(step, value)
    // Most claims of a new event are the first of their key: those are made without a look.
    let look = run.mode !== 'live' || run.version !== undefined || run.claims.has(key)
    for (; ; look = true) {
      const [entry] = look ? await this.#state.get([key]) : []
      const held = entry?.value as DedupeRecord | undefined
      if (held?.owner === run.event.id) break
      if (held && Math.abs(Date.parse(run.event.time) - Date.parse(held.time)) < claim.withinMs) {
        return held.done ? 'taken' : 'wait'
      }
      // A late event does not take the claim from a newer one.
      if (held && Date.parse(held.time) > Date.parse(run.event.time)) return 'mine'
      if (await this.#state.commit([{ ...this.#claimed(run, key, claim), ifVersion: entry?.version ?? null }])) break
    }
    run.claims.set(key, claim)
    run.dirty = true
    return 'mine'
  }

  /** An item has ended before its event: its claims are confirmed or, where it failed, let go. */
  end(run: Run, prefix: string, isDone: boolean): void {
    for (const [key, claim] of run.claims) {
      if (!claim.prefix.startsWith(prefix)) continue
      run.claims.delete(key)
      run.unsaved.add(isDone ? this.#claimed(run, key, claim, true) : { key })
    }
  }

  /** What says that the event, which is done, was the first. */
  confirmed(run: Run): Write[] {
    return [...run.claims].map(([key, claim]) => this.#claimed(run, key, claim, true))
  }

  /** What lets another event take over. */
  released(run: Run): Write[] {
    return [...run.claims.keys()].map(key => ({ key }))
  }

  #claimed({ event }: Run, key: string, { withinMs }: Claim, done?: true): Write {
    const value: DedupeRecord = { owner: event.id, time: event.time, ...(done && { done }) }
    // No shorter than `remember`: events may come late, and are compared by their own time.
    return { key, value, ttlMs: Math.max(withinMs, this.#rememberMs) }
  }
}
