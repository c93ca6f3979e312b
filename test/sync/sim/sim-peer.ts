import type { SideName } from '../../../src/config/config.ts'
import type { Clock } from '../../../src/environment.ts'
import { SyncError } from '../../../src/errors.ts'
import type { ChangeEvent, Fields } from '../../../src/event.ts'
import type {
  Peer,
  PeerChange,
  PeerOptions,
  PeerOutcome,
  PeerPage,
  PeerRecord,
  PeerWrite,
} from '../../../src/sync/peer.ts'
import { fromNative, KEY, kept, toNative, type Value } from './fields.ts'
import type { Random } from './random.ts'
import type { Change, SimSystem, SystemRecord } from './system.ts'

export interface FaultTraits {
  /** A call fails before it has an effect. */
  readonly refused: number
  /** The answer of a call is lost, with its effect or without. */
  readonly lost: number
  /** One item of a batch fails. */
  readonly partial: number
  /** Longest way of a call to the system, and of its answer back. */
  readonly latencyMs: number
  /** A record that is there is not found when it is asked for. */
  readonly unseen: number
  /** A record that was written is read in a second call. */
  readonly reread: number
  /** Longest time that a call waits for its turn before it leaves. */
  readonly queuedMs: number
}

export interface PeerWorld {
  readonly clock: Clock
  /** Of the process that calls: while that is paused, nothing leaves. */
  readonly ownClock: Clock
  readonly random: Random
  readonly faults: FaultTraits
  /** Faults end then. */
  readonly calmAt: number
  readonly called: (side: SideName, kind: string) => void
  /** The process that calls goes on: an answer helps nobody who dies or sleeps before it is stored. */
  readonly isAwake: () => boolean
  /** Longest time that storing it takes. */
  readonly storedMs: number
}

/** A system as one process sees it, over a network that delays, refuses and loses. */
export class SimPeer implements Peer {
  readonly system: string
  readonly object = 'thing'
  readonly choosesId: boolean
  readonly conditional: boolean
  readonly restores: boolean
  readonly granularityMs: number
  readonly batch: Peer['batch']
  readonly #system: SimSystem
  readonly #world: PeerWorld
  readonly #owner: string
  readonly #limiter: Random

  constructor(system: SimSystem, world: PeerWorld, owner: string) {
    const { side, choosesId, conditional, trash, granularityMs, batch } = system.traits
    this.system = side
    this.choosesId = choosesId
    this.conditional = conditional
    this.restores = trash
    this.granularityMs = granularityMs
    this.batch = batch
    this.#system = system
    this.#world = world
    this.#owner = owner
    this.#limiter = world.random.fork('limiter')
  }

  clockOffsetMs(): number {
    return this.#system.traits.measuredMs
  }

  list(cursor: unknown, options: PeerOptions): Promise<PeerPage> {
    return this.#call('list', options, () => {
      const ids = this.#system.alive.map(({ id }) => id).sort()
      const { page } = this.#system.traits
      const rest = cursor === undefined ? ids : ids.filter(id => id > (cursor as string))
      const records = rest.slice(0, page).map(id => this.#shown(this.#system.records.get(id)!))
      return rest.length > page
        ? { records, next: records.at(-1)!.id, total: ids.length }
        : { records, total: ids.length }
    })
  }

  get(ids: readonly string[], options: PeerOptions): Promise<(PeerRecord | undefined)[]> {
    if (ids.length > this.batch.read || ids.length === 0) throw new Error(`get of ${ids.length} records`)
    return this.#call('get', options, () =>
      ids.map(id => (this.#draw(this.#world.faults.unseen) ? undefined : this.#shownAt(id))),
    )
  }

  find(path: string, values: readonly unknown[], options: PeerOptions): Promise<PeerRecord[]> {
    if (values.length === 0) throw new Error(`find of ${values.length} values`)
    return this.#call('find', options, () =>
      [...this.#system.records.values()]
        .filter(record => values.includes(toNative(this.#system.side, record.values)[path]))
        .map(record => this.#shown(record)),
    )
  }

  async write(writes: readonly PeerWrite[], options: PeerOptions): Promise<PeerOutcome[]> {
    const { op } = writes[0]!
    const most = op === 'delete' ? this.batch.delete : this.batch.write
    if (writes.length > most) throw new Error(`${op} of ${writes.length} records`)
    if (writes.some(write => write.op !== op)) throw new Error('a batch of mixed writes')
    if (new Set(writes.map(write => write.id)).size < writes.length) throw new Error('one record twice in a batch')
    const made: Change[] = []
    const outcomes = await this.#call('write', options, () => writes.map(write => this.#one(write, made)))
    for (const [place, outcome] of outcomes.entries()) {
      if (outcome.status !== 'written' || !this.#draw(this.#world.faults.reread)) continue
      await this.#world.clock.sleep(this.#latency())
      const record = this.#shownAt(outcome.record.id)
      if (record) outcomes[place] = { ...outcome, record, exact: false }
    }
    for (const change of made) this.#answered(change)
    return outcomes
  }

  changeOf({ type, changed, data }: ChangeEvent): PeerChange {
    const action = type.slice(type.lastIndexOf('.') + 1)
    const kind = action === 'destroyed' || action === 'deleted' ? action : 'present'
    const { id, version, deleted, bare, data: fields } = data as unknown as Told
    return {
      kind,
      record: { id, version, deleted, data: fields ?? {} },
      ...(changed && { changed }),
      ...(bare && { incomplete: true as const }),
    }
  }

  normalise(_path: string, value: unknown): unknown {
    return kept((value ?? null) as Value)
  }

  async verify(): Promise<void> {}

  // --- network

  async #call<T>(kind: string, { signal }: PeerOptions, effect: () => T): Promise<T> {
    const { clock, ownClock, faults, called, calmAt } = this.#world
    if (faults.queuedMs > 0 && clock.now() < calmAt) {
      await ownClock.sleep(this.#limiter.between(0, faults.queuedMs), signal)
      signal.throwIfAborted()
    }
    called(this.#system.side, kind)
    const isRefused = this.#draw(faults.refused)
    const isLost = this.#draw(faults.lost)
    const hasEffect = this.#draw(0.7)
    await clock.sleep(this.#latency())
    if (isRefused) throw new SyncError('retryable', 'SIM_REFUSED', 'the system is busy', { retryAfterMs: 1000 })
    const result = isLost && !hasEffect ? undefined : effect()
    await clock.sleep(isLost ? 10_000 : this.#latency())
    called(this.#system.side, `${kind} answer`)
    if (isLost) throw new SyncError('retryable', 'SIM_LOST', 'no answer', { outcomeUnknown: true })
    return result as T
  }

  #answered(change: Change): void {
    const { clock, isAwake, storedMs } = this.#world
    change.answeredAt = clock.now()
    clock.after(storedMs, () => {
      if (!isAwake()) change.answeredAt = undefined
    })
  }

  #draw(probability: number): boolean {
    return this.#world.random.chance(probability) && this.#world.clock.now() < this.#world.calmAt
  }

  #latency(): number {
    const { random, faults } = this.#world
    return random.chance(0.9) ? random.between(1, 60) : random.between(1, faults.latencyMs)
  }

  // --- records

  #one(write: PeerWrite, made: Change[]): PeerOutcome {
    const fails = this.#draw(this.#world.faults.partial)
    const isUnknown = this.#draw(0.5)
    const hasEffect = isUnknown && this.#draw(0.5)
    if (fails && !hasEffect) return failed(isUnknown)
    const before = this.#system.changes.length
    const outcome = this.#apply(write)
    if (fails) return failed(isUnknown)
    made.push(...this.#system.changes.slice(before))
    return outcome
  }

  #apply(write: PeerWrite): PeerOutcome {
    const system = this.#system
    const by = this.#owner
    if (write.op === 'create') return this.#create(write)
    const record = system.records.get(write.id)
    if (!record) return { status: 'gone' }
    if (this.conditional && record.version !== write.version) return { status: 'changed', record: this.#shown(record) }
    if (write.op === 'delete') {
      if (record.deleted) return { status: 'deleted', version: record.version }
      system.delete(record, { by })
      return { status: 'deleted', ...(system.traits.trash && { version: record.version }) }
    }
    if (write.op === 'update' && record.deleted) return { status: 'gone' }
    const values = fromNative(system.side, write.values)
    if (!system.update(record, values, by, write.op)) {
      return { status: 'failed', error: new SyncError('rejected', 'SIM_DUPLICATE', 'the key is taken') }
    }
    return { status: 'written', record: this.#shown(record), exact: true }
  }

  #create({ id, values }: Extract<PeerWrite, { op: 'create' }>): PeerOutcome {
    const system = this.#system
    const fields = fromNative(system.side, values)
    const known = system.traits.choosesId ? system.records.get(id) : undefined
    if (known) {
      return { status: 'failed', error: new SyncError('rejected', 'SIM_DUPLICATE', `there is a record ${id}`) }
    }
    const record = system.create(fields, { by: this.#owner, ...(system.traits.choosesId && { id }) })
    if (record) return { status: 'written', record: this.#shown(record), exact: true }
    const holder = system.holderOf(fields[KEY.name] ?? null)!
    return { status: 'taken', ...(system.traits.tellsTaken && { record: this.#shown(holder) }) }
  }

  #shownAt(id: string): PeerRecord | undefined {
    const record = this.#system.records.get(id)
    return record && this.#shown(record)
  }

  #shown({ id, version, deleted, values }: SystemRecord): PeerRecord {
    return { id, version, deleted, data: toNative(this.#system.side, values) }
  }
}

interface Told {
  readonly id: string
  readonly version: string
  readonly deleted: boolean
  readonly bare?: true
  readonly data?: Fields
}

function failed(outcomeUnknown: boolean): PeerOutcome {
  const error = new SyncError('retryable', 'SIM_PARTIAL', 'this one failed', { outcomeUnknown })
  return { status: 'failed', error }
}
