import { actionOf, type ChangeEvent, type Fields, objectOf, recordIdOf } from '../event.ts'
import { canonicalJson, shortHash } from '../identity.ts'
import type { Plan } from '../sinks/sink.ts'
import type { Entry, StateStore } from '../state/state-store.ts'

/** Longer than a poll may lie behind after an outage. */
const KEEP_MS = 7 * 24 * 3_600_000
/** Writes remembered per record. */
const KEEP_WRITES = 16

/** What made an event: a flow's own write. */
export interface Cause {
  readonly flow: string
  readonly event: string
  /** Writes of ours between the first foreign change and this event. */
  readonly hops: number
}

interface LedgerWrite extends Cause {
  readonly effect: string
  readonly operation: Plan['operation']
  /** Hash per field as it will be. */
  readonly fields: Readonly<Record<string, string>>
  /** The record's version after the write; absent while the call is open or its answer was lost. */
  readonly version?: string
}

/**
 * Per record of a system, which of our effects wrote what. An event is traced to its cause when a flow takes it in,
 * never at intake, because the webhook may come before the answer of the call that caused it.
 */
export class WriteLedger {
  readonly #state: StateStore

  constructor(state: StateStore) {
    this.#state = state
  }

  key(system: string, object: string, id: string): string {
    return `{system/${system}}:wrote:${object}/${id}`
  }

  /** P6: stored before the call, so that the echo is known even when it is faster than the answer. */
  async open(system: string, plan: Plan, cause: Cause): Promise<void> {
    const { target } = plan
    if (!target) return
    const write: LedgerWrite = {
      ...cause,
      effect: plan.item.key,
      operation: plan.operation,
      fields: hashes(plan.after ?? {}),
    }
    await this.#change(this.key(system, target.object, target.id), writes => [
      ...writes.filter(other => other.effect !== write.effect || other.version !== undefined),
      write,
    ])
  }

  async close(system: string, ref: { object: string; id: string; version?: string }, effect: string): Promise<void> {
    if (!ref.version) return
    await this.#change(this.key(system, ref.object, ref.id), writes =>
      writes.map(write => (write.effect === effect && !write.version ? { ...write, version: ref.version! } : write)),
    )
  }

  /** The write that made this event, if it was one of ours. */
  causeOf(event: ChangeEvent, entry: Entry | undefined): Cause | undefined {
    const writes = entry?.value as LedgerWrite[] | undefined
    return writes?.findLast(write => madeBy(write, event))
  }

  keyOf(system: string, event: ChangeEvent): string {
    return this.key(system, objectOf(event), recordIdOf(event))
  }

  async #change(key: string, change: (writes: LedgerWrite[]) => LedgerWrite[]): Promise<void> {
    for (;;) {
      const [entry] = await this.#state.get([key])
      const value = change((entry?.value as LedgerWrite[] | undefined) ?? []).slice(-KEEP_WRITES)
      if (await this.#state.commit([{ key, value, ifVersion: entry?.version ?? null, ttlMs: KEEP_MS }])) return
    }
  }
}

function madeBy(write: LedgerWrite, event: ChangeEvent): boolean {
  const action = actionOf(event)
  if (action === 'created') return write.operation === 'create'
  if (action === 'destroyed') return write.operation === 'delete'
  if (action === 'deleted') return write.operation === 'delete'
  if (write.version !== undefined) return sameTime(write.version, event.time)
  return write.operation !== 'create' && fieldsMatch(write.fields, event)
}

/** An open write has no version yet: it is ours when every field that changed has just the value we sent. */
function fieldsMatch(fields: LedgerWrite['fields'], event: ChangeEvent): boolean {
  const changed = event.changed?.filter(name => name in event.data)
  if (!changed || changed.length === 0) return false
  return changed.every(name => fields[name] === hash(event.data[name]))
}

function sameTime(a: string, b: string): boolean {
  return a === b || Date.parse(a) === Date.parse(b)
}

function hashes(after: Fields): Record<string, string> {
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, hash(value)]))
}

function hash(value: unknown): string {
  return shortHash(canonicalJson(value))
}
