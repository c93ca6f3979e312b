import type { SideName, SyncConfig } from '../../../src/config/config.ts'
import type { Clock } from '../../../src/environment.ts'
import type { EventLog } from '../../../src/log/event-log.ts'
import { memoryLog } from '../../../src/log/memory.ts'
import type { Coordinator } from '../../../src/state/coordinator.ts'
import { localCoordinator } from '../../../src/state/local-coordinator.ts'
import { memoryState } from '../../../src/state/memory.ts'
import type { StateStore } from '../../../src/state/state-store.ts'
import type { Conflict } from '../../../src/sync/conflict.ts'
import type { Link } from '../../../src/sync/link.ts'
import type { Peer } from '../../../src/sync/peer.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { Feed, topicOf } from './feed.ts'
import { FIELDS, KEY, kept, type Value, type Values } from './fields.ts'
import { type Death, SimProcess } from './process.ts'
import { Random } from './random.ts'
import type { Entered, Entry, Schedule } from './schedule.ts'
import { SimPeer } from './sim-peer.ts'
import { SimSystem, type SystemRecord } from './system.ts'

/** After the last entry: faults have ended, what was put off is due again at the latest after half an hour. */
const SETTLE_MS = 3_600_000
export const QUIET_MS = 3_600_000
const START = Date.parse('2026-11-24T10:00:00.000Z')

export interface Call {
  readonly at: number
  readonly side: SideName
  readonly kind: string
}

/** What a run leaves behind. */
export interface Outcome {
  readonly schedule: Schedule
  readonly config: SyncConfig
  readonly systems: Readonly<Record<SideName, SimSystem>>
  readonly calls: readonly Call[]
  readonly endedAt: number
  readonly startedAt: number
  readonly links: readonly Link[]
  readonly state: ReadonlyMap<string, unknown>
  readonly conflicts: readonly Conflict[]
  readonly failures: readonly unknown[]
  /** Events that were handed to a process and never reported as done with. */
  readonly unfinished: number
  readonly idle: boolean
}

/** Where tests put a defect in. */
export interface Hooks {
  readonly peer?: (peer: Peer, side: SideName) => Peer
  readonly state?: (state: StateStore, owner: string) => StateStore
  readonly log?: (log: EventLog) => EventLog
}

export async function simulate(schedule: Schedule, hooks: Hooks = {}): Promise<Outcome> {
  const world = new World(schedule, hooks)
  return world.run()
}

class World {
  readonly #schedule: Schedule
  readonly #hooks: Hooks
  readonly #clock = new VirtualClock(START)
  readonly #random: Random
  readonly #log
  readonly #state: StateStore
  readonly #coordinator: Coordinator
  readonly #systems: Record<SideName, SimSystem>
  readonly #calls: Call[] = []
  readonly #config: SyncConfig
  readonly #processes: (SimProcess | undefined)[] = []
  readonly #all: SimProcess[] = []
  readonly #calmAt: number
  #seq = 0
  #lives = 0

  constructor(schedule: Schedule, hooks: Hooks) {
    this.#schedule = schedule
    this.#hooks = hooks
    this.#random = new Random(schedule.seed)
    this.#log = memoryLog({ clock: this.#clock })
    this.#state = memoryState({ clock: this.#clock })
    this.#coordinator = localCoordinator({ clock: this.#clock })
    this.#config = configOf(schedule)
    this.#calmAt = START + Math.max(0, ...schedule.entries.map(({ at }) => at)) + 1000
    this.#systems = { left: this.#system('left'), right: this.#system('right') }
  }

  async run(): Promise<Outcome> {
    const { schedule, clock } = { schedule: this.#schedule, clock: this.#clock }
    for (const entry of schedule.initial) if (entry.kind === 'create') this.#createEarlier(entry)
    for (const side of ['left', 'right'] as const) {
      const tools = { random: this.#random.fork(`feed ${side}`), clock, log: this.#log }
      new Feed(this.#systems[side], schedule.feeds[side], tools).begin()
    }
    for (let place = 0; place < schedule.processes; place++) this.#start(place, schedule.deaths[place])
    for (const entry of schedule.entries) clock.after(entry.at, () => this.#enter(entry))
    const calmMs = this.#calmAt - START
    // Whoever died is started again at the latest now.
    for (const ms of [200_000, 500_000, 1_000_000]) clock.after(calmMs + ms, () => this.#revive())
    await clock.advance(calmMs + 200_000 + SETTLE_MS + QUIET_MS)
    return this.#outcome()
  }

  #revive(): void {
    for (const [place, process] of this.#processes.entries()) {
      process?.resume()
      if (!process || process.gone || process.failure) this.#start(place)
    }
  }

  #start(place: number, death: Death = {}): void {
    const owner = `p${place}.${++this.#lives}`
    const process = new SimProcess(
      owner,
      {
        config: this.#config,
        topics: { left: topicOf('left'), right: topicOf('right') },
        log: this.#hooks.log?.(this.#log) ?? this.#log,
        state: this.#hooks.state?.(this.#slow(), owner) ?? this.#slow(),
        coordinator: this.#coordinator,
        clock: this.#clock,
        random: this.#random,
        peersOf: (name, clock) => ({ left: this.#peer('left', name, clock), right: this.#peer('right', name, clock) }),
      },
      this.#clock.now() < this.#calmAt ? death : {},
    )
    this.#processes[place] = process
    this.#all.push(process)
    process.start()
  }

  #peer(side: SideName, owner: string, ownClock: Clock): Peer {
    const clock = this.#clock
    const random = this.#random.fork(`network ${side} ${owner}`)
    const { faults } = this.#schedule
    const called = (of: SideName, kind: string) => this.#calls.push({ at: this.#clock.now(), side: of, kind })
    const isAwake = () => {
      const process = this.#all.find(each => each.owner === owner)
      return process !== undefined && !process.gone && !process.paused
    }
    const storedMs = 1000 + 10 * this.#schedule.stateMs
    const world = { clock, ownClock, random, faults, calmAt: this.#calmAt, called, isAwake, storedMs }
    const peer = new SimPeer(this.#systems[side], world, owner)
    return this.#hooks.peer?.(peer, side) ?? peer
  }

  #slow(): StateStore {
    const { stateMs } = this.#schedule
    const state = this.#state
    if (stateMs === 0) return state
    const random = this.#random.fork(`state ${this.#lives}`)
    const pause = () => this.#clock.sleep(random.between(0, stateMs))
    const late = async <T>(call: () => Promise<T>) => {
      await pause()
      const result = await call()
      await pause()
      return result
    }
    return {
      get: keys => late(() => state.get(keys)),
      commit: writes => late(() => state.commit(writes)),
      scan: prefix => state.scan(prefix),
      close: async () => {},
    }
  }

  #system(side: SideName): SimSystem {
    const random = this.#random.fork(`ids ${side}`)
    return new SimSystem(this.#schedule[side], {
      clock: { now: () => this.#clock.now() + this.#backdatedMs } as Clock,
      newId: () => `${side[0]}${random.between(1e5, 1e6 - 1)}`,
      seq: () => ++this.#seq,
    })
  }

  #backdatedMs = 0

  #createEarlier(entry: Extract<Entry, { kind: 'create' }>): void {
    this.#backdatedMs = entry.at
    this.#systems[entry.side].create(entry.fields)
    this.#backdatedMs = 0
  }

  #enter(entry: Entry): void {
    switch (entry.kind) {
      case 'create':
        this.#systems[entry.side].create(entry.fields)
        return
      case 'edit':
        this.#edit(entry)
        return
      case 'delete': {
        const record = picked(this.#systems[entry.side].alive, entry.pick)
        if (record) this.#systems[entry.side].delete(record, entry.hard ? { hard: true } : {})
        return
      }
      case 'restore': {
        const record = picked(this.#systems[entry.side].trashed, entry.pick)
        if (record) this.#systems[entry.side].update(record, {}, undefined, 'restore')
        return
      }
      case 'pause': {
        const process = this.#processes[entry.process]
        process?.pause()
        this.#clock.after(entry.ms, () => process?.resume())
        return
      }
      default:
        this.#end(entry)
    }
  }

  #end(entry: Extract<Entry, { kind: 'crash' | 'stop' }>): void {
    const process = this.#processes[entry.process]
    if (entry.kind === 'crash') process?.die()
    else {
      process?.resume()
      process?.stop()
    }
    const death = entry.kind === 'crash' && entry.nextDieAt !== undefined ? { dieAt: entry.nextDieAt } : {}
    this.#clock.after(entry.downMs, () => {
      if (this.#processes[entry.process] === process) this.#start(entry.process, death)
    })
  }

  #edit({ side, pick, fields }: Extract<Entry, { kind: 'edit' }>): void {
    const system = this.#systems[side]
    const record = picked(system.alive, pick)
    if (!record) return
    const values: Values = {}
    for (const [name, what] of Object.entries(fields)) values[name] = this.#entered(system, record, name, what)
    system.update(record, values)
  }

  #entered(system: SimSystem, record: SystemRecord, name: string, what: Entered): Value {
    const now = record.values[name] ?? null
    if (what.kind === 'value') return what.value
    if (what.kind === 'add') return kept([...((now as readonly string[] | null) ?? []), what.item])
    if (what.kind === 'drop') return kept(((now as readonly string[] | null) ?? []).slice(1))
    const past = system.changes.filter(change => change.id === record.id && change.fields.includes(name))
    return past.at(-1 - what.steps)?.after[name] ?? now
  }

  async #outcome(): Promise<Outcome> {
    const endedAt = this.#clock.now()
    const last = this.#processes.findLast(process => process && !process.gone)
    const unfinished = this.#processes.reduce((sum, process) => sum + (process?.unfinished ?? 0), 0)
    const idle = last?.runner.isIdle ?? false
    const state = new Map<string, unknown>()
    for await (const { key, value } of this.#state.scan('')) state.set(key, value)
    const values = (part: string) => [...state].filter(([key]) => key.includes(part)).map(([, value]) => value)
    for (const process of this.#all) process.die()
    // What is dead never lets go of the log.
    void this.#log.close()
    return {
      schedule: this.#schedule,
      config: this.#config,
      systems: this.#systems,
      calls: this.#calls,
      startedAt: START,
      endedAt,
      links: values(':link:') as Link[],
      conflicts: values(':conflict:') as Conflict[],
      state,
      failures: this.#all.flatMap(({ failure }) => failure ?? []),
      unfinished,
      idle,
    }
  }
}

function picked(records: readonly SystemRecord[], pick: number): SystemRecord | undefined {
  return records.length === 0 ? undefined : records[pick % records.length]
}

function configOf({ fields, deletes, creates }: Schedule): SyncConfig {
  return {
    name: 'sim',
    left: { system: 'left', object: 'thing', create: creates.left, deletes: deletes.left },
    right: { system: 'right', object: 'thing', create: creates.right, deletes: deletes.right },
    match: [{ left: KEY.left, right: KEY.right, normalise: 'email' }],
    fields: fields.map(plan => {
      const field = FIELDS.find(({ name }) => name === plan.name)!
      return { ...plan, left: field.left, right: field.right }
    }),
    skewToleranceMs: 2000,
    guard: { creates: 1e6, updates: 1e6, deletes: 1e6 },
  }
}
