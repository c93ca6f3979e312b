import { actionOf, type ChangeEvent, type Fields, objectOf, recordIdOf } from '../event.ts'
import { canonicalJson, shortHash } from '../identity.ts'
import type { Delivery, Plan } from '../sinks/sink.ts'
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

/** The write that made an event. */
export interface Written extends Cause {
  readonly operation: Plan['operation']
}

export interface LedgerWrite extends Written {
  readonly effect: string
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
    const { target, also = [], operation, after = {} } = plan
    const write = { ...cause, effect: plan.item.key }
    const changes: Changes = new Map()
    if (target) changes.set(this.#keyAt(system, target), added({ ...write, operation, fields: hashes(after) }))
    for (const record of also)
      changes.set(this.#keyAt(system, record), added({ ...write, operation: 'create', fields: {} }))
    await this.#change(changes)
  }

  /** The version that the write made; where it went to another record than planned, that record gets the entry. */
  async close(system: string, plan: Plan, delivery: Outcome, cause: Cause): Promise<void> {
    const { target, item, after = {} } = plan
    const ref = delivery.status === 'delivered' ? delivery.ref : undefined
    const operation = delivery.status === 'skipped' ? 'none' : (delivery.operation ?? plan.operation)
    const changes: Changes = new Map()
    // What an earlier try may have written stays; a person's edit to the same values must not be taken for ours.
    const untouched = operation === 'none' || (ref && target && ref.id !== target.id)
    if (target && untouched && !item.outcomeUnknown) changes.set(this.#keyAt(system, target), dropped(item.key))
    if (ref?.version && operation !== 'none') {
      const write = { ...cause, effect: item.key, operation, fields: hashes(after), version: ref.version }
      changes.set(this.#keyAt(system, ref), closed(write))
    }
    await this.#change(changes)
  }

  /** The call surely did nothing: whoever makes such a change now is somebody else. */
  async withdraw(system: string, { target, also = [], item }: Plan): Promise<void> {
    const changes: Changes = new Map()
    for (const record of target ? [target, ...also] : also) changes.set(this.#keyAt(system, record), dropped(item.key))
    await this.#change(changes)
  }

  /** The write that made this event, if it was one of ours. */
  causeOf(event: ChangeEvent, entry: Entry | undefined): Written | undefined {
    const writes = entry?.value as LedgerWrite[] | undefined
    return writes?.findLast(write => madeBy(write, event))
  }

  /** The latest writes of flows to a record, newest last. */
  async writesTo(system: string, object: string, id: string): Promise<readonly LedgerWrite[]> {
    const [entry] = await this.#state.get([this.key(system, object, id)])
    return (entry?.value as LedgerWrite[] | undefined) ?? []
  }

  keyOf(system: string, event: ChangeEvent): string {
    return this.key(system, objectOf(event), recordIdOf(event))
  }

  #keyAt(system: string, { object, id }: { object: string; id: string }): string {
    return this.key(system, object, id)
  }

  /** All in one commit: the keys of a system share its tag. */
  async #change(changes: Changes): Promise<void> {
    if (changes.size === 0) return
    const keys = [...changes.keys()]
    for (;;) {
      const entries = await this.#state.get(keys)
      const writes = keys.map((key, at) => {
        const value = changes.get(key)!((entries[at]?.value as LedgerWrite[] | undefined) ?? []).slice(-KEEP_WRITES)
        return { key, value, ifVersion: entries[at]?.version ?? null, ttlMs: KEEP_MS }
      })
      if (await this.#state.commit(writes)) return
    }
  }
}

type Change = (writes: LedgerWrite[]) => LedgerWrite[]
type Changes = Map<string, Change>
type Outcome = Exclude<Delivery, { status: 'failed' }>

function added(write: LedgerWrite): Change {
  return writes => [...writes.filter(other => other.effect !== write.effect || other.version !== undefined), write]
}

function closed(write: LedgerWrite): Change {
  return writes =>
    writes.some(other => isOpen(other, write.effect))
      ? writes.map(other => (isOpen(other, write.effect) ? { ...other, version: write.version! } : other))
      : [...writes, write]
}

function dropped(effect: string): Change {
  return writes => writes.filter(other => !isOpen(other, effect))
}

function isOpen(write: LedgerWrite, effect: string): boolean {
  return write.effect === effect && write.version === undefined
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
  // A write that brought the record back out of the trash says so too.
  const changed = event.changed?.filter(name => name in event.data && !(name === 'deletedAt' && !event.data[name]))
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
