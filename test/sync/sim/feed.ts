import type { SideName } from '../../../src/config/config.ts'
import type { Clock } from '../../../src/environment.ts'
import type { ChangeEvent } from '../../../src/event.ts'
import type { EventLog } from '../../../src/log/event-log.ts'
import { FIELDS, toNative, topOf, type Values } from './fields.ts'
import type { Random } from './random.ts'
import type { Change, SimSystem, SystemRecord } from './system.ts'

export interface FeedTraits {
  readonly lost: number
  readonly late: number
  readonly repeated: number
  /** Webhooks of one record may overtake each other. */
  readonly reordered: boolean
  /** Webhooks that name the record and no more. */
  readonly bare: number
  /** Webhooks that tell only what changed. */
  readonly partial: number
  readonly pollMs: number
  /** The poll tells again what webhooks have told. */
  readonly repeats: boolean
}

interface Told {
  readonly seq: number
}

/** Tells of a system's changes: by webhooks that nobody repeats, and by a poll that finds what those lost. */
export class Feed {
  readonly #system: SimSystem
  readonly #traits: FeedTraits
  readonly #random: Random
  readonly #clock: Clock
  readonly #log: EventLog
  readonly #told = new Map<string, Told>()
  readonly #gone = new Map<string, Change>()
  readonly #lastDelivery = new Map<string, number>()
  #polling = false

  constructor(system: SimSystem, traits: FeedTraits, tools: { random: Random; clock: Clock; log: EventLog }) {
    this.#system = system
    this.#traits = traits
    this.#random = tools.random
    this.#clock = tools.clock
    this.#log = tools.log
  }

  /** What is there before the first poll is nobody's news. */
  begin(): void {
    for (const record of this.#system.records.values()) this.#told.set(record.id, { seq: record.seq })
    this.#system.onChange = (change, record) => this.#changed(change, record)
  }

  get topic(): string {
    return topicOf(this.#system.side)
  }

  #changed(change: Change, record: SystemRecord): void {
    if (change.hard) this.#gone.set(record.id, change)
    this.#webhook(change, { ...record, values: { ...record.values } })
    if (this.#polling) return
    this.#polling = true
    const { pollMs } = this.#traits
    this.#clock.after(pollMs - (this.#clock.now() % pollMs), () => this.#poll())
  }

  #webhook(change: Change, record: SystemRecord): void {
    const { lost, late, repeated, reordered } = this.#traits
    // Every draw is made whatever comes of it, so that traits can be switched off one by one.
    const isLost = this.#random.chance(lost)
    const delay = this.#random.chance(late) ? this.#random.between(1000, 90_000) : this.#random.between(1, 300)
    const again = this.#random.chance(repeated) ? this.#random.between(1, 120_000) : undefined
    const event = this.#event(change, record)
    if (isLost) return
    let at = this.#clock.now() + delay
    if (!reordered) at = Math.max(at, this.#lastDelivery.get(change.id) ?? 0)
    this.#lastDelivery.set(change.id, at)
    this.#clock.after(at - this.#clock.now(), () => {
      if (event.data.bare === undefined) change.toldAt ??= this.#clock.now()
      if (!this.#traits.repeats) {
        const told = this.#told.get(change.id)
        if (!told || told.seq < change.seq) this.#told.set(change.id, { seq: change.seq })
      }
      this.#append(event)
    })
    if (again !== undefined) this.#clock.after(at + again - this.#clock.now(), () => this.#append(event))
  }

  #event(change: Change, record: SystemRecord): ChangeEvent {
    const { side } = this.#system
    const top = [
      ...new Set(FIELDS.filter(field => change.fields.includes(field.name)).map(field => topOf(field[side]))),
    ]
    const isBare = this.#random.chance(this.#traits.bare)
    const isPartial = this.#random.chance(this.#traits.partial)
    const action = change.op === 'delete' ? (change.hard ? 'destroyed' : 'deleted') : `${change.op}d`
    const data = toNative(side, record.values)
    const told = isPartial && change.op === 'update' ? Object.fromEntries(top.map(name => [name, data[name]])) : data
    return this.#made(action, record, change.seq, isBare && action !== 'destroyed' ? undefined : told, {
      ...(change.op === 'update' && !isBare && { changed: top }),
    })
  }

  #made(
    action: string,
    record: Pick<SystemRecord, 'id' | 'version' | 'deleted'>,
    seq: number,
    data: ChangeEvent['data'] | undefined,
    extra: Partial<ChangeEvent>,
  ): ChangeEvent {
    return {
      id: `${this.#system.side}-${record.id}-${seq}`,
      type: `thing.${action}`,
      source: `/${this.#system.side}`,
      subject: `thing/${record.id}`,
      time: record.version,
      key: record.id,
      data: { id: record.id, version: record.version, deleted: record.deleted, ...(data ? { data } : { bare: true }) },
      ...extra,
    }
  }

  /** Compares with what it told before; of records that are gone it knows by the complete walk that it makes as well. */
  #poll(): void {
    this.#polling = false
    const events: ChangeEvent[] = []
    for (const record of this.#system.records.values()) {
      if (this.#told.get(record.id)?.seq === record.seq) continue
      this.#told.set(record.id, { seq: record.seq })
      const action = record.deleted ? 'deleted' : 'updated'
      events.push(this.#made(action, record, record.seq, toNative(this.#system.side, record.values), {}))
    }
    for (const [id, change] of this.#gone) {
      this.#told.delete(id)
      const record = { id, version: change.version, deleted: true }
      events.push(this.#made('destroyed', record, change.seq, toNative(this.#system.side, change.after), {}))
    }
    this.#gone.clear()
    const delay = this.#random.between(1, 500)
    if (events.length > 0) this.#clock.after(delay, () => void this.#log.append(this.topic, events))
  }

  #append(event: ChangeEvent): void {
    void this.#log.append(this.topic, [event])
  }
}

export function topicOf(side: SideName): string {
  return `sim.${side}.thing`
}

export function emptyValues(): Values {
  return Object.fromEntries(FIELDS.map(({ name }) => [name, null]))
}
