import pino from 'pino'
import type { SideName, SyncConfig } from '../../src/config/config.ts'
import type { Clock, Environment } from '../../src/environment.ts'
import { SyncError } from '../../src/errors.ts'
import type { ChangeEvent, Fields } from '../../src/event.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { memoryLog } from '../../src/log/memory.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { Conflict } from '../../src/sync/conflict.ts'
import type { Link } from '../../src/sync/link.ts'
import type { Peer, PeerOutcome, PeerRecord, PeerWrite } from '../../src/sync/peer.ts'
import { SyncRunner } from '../../src/sync/sync-runner.ts'
import type { Opened, Task, TaskChange, TaskDraft, Tasks } from '../../src/sync/tasks.ts'
import { Life } from './crashable.ts'
import { VirtualClock } from './virtual-clock.ts'

const LOGGER = pino({ level: 'silent' })
const side = { create: true, deletes: 'hold' } as const

/** Records `a1`, `a2`, … on both sides, matched by `key`; `title` and `city` are left to people. */
export const CONFIG: SyncConfig = {
  name: 'people',
  left: { system: 'twenty', object: 'person', ...side },
  right: { system: 'erp', object: 'contact', ...side },
  match: [{ left: 'key', right: 'key', normalise: 'exact' }],
  fields: ['key', 'name', 'title', 'city', 'phone'].map(name => ({
    name,
    left: name,
    right: name,
    direction: 'both',
    policy: { kind: 'ask' },
    tie: { kind: 'ask' },
  })),
  skewToleranceMs: 2000,
  guard: { creates: 10_000, updates: 10_000, deletes: 10 },
  tasks: { system: 'twenty', assignee: 'ops@example.com', most: 50 },
}

interface Written {
  readonly id: string
  readonly values: Fields
}

/** One side: its records, and what was written to it by us. */
class MemorySide {
  readonly records = new Map<string, PeerRecord>()
  readonly writes: Written[] = []
  readonly #bench: QuestionBench
  readonly #side: SideName

  constructor(bench: QuestionBench, name: SideName) {
    this.#bench = bench
    this.#side = name
  }

  set(id: string, values: Fields, by?: string): Promise<void> {
    const before = this.records.get(id)
    const record = { id, version: this.#bench.stamp(), deleted: false, data: { ...before?.data, ...values } }
    this.records.set(id, record)
    return this.#bench.log.append(this.#side, [
      eventOf('record', record.version, id, record.data, Object.keys(values), by),
    ])
  }

  peer(life: Life): Peer {
    const records = this.records
    const { object, system } = this.#bench.config[this.#side]
    return {
      system,
      object,
      choosesId: true,
      conditional: true,
      restores: false,
      granularityMs: 1,
      batch: { read: 100, write: 100, delete: 100 },
      clockOffsetMs: () => 0,
      list: () => life.call(() => ({ records: [...records.values()] })),
      get: ids => life.call(() => ids.map(id => records.get(id))),
      find: (path, values) => life.call(() => [...records.values()].filter(({ data }) => values.includes(data[path]))),
      write: writes => life.call(async () => Promise.all(writes.map(write => this.#write(write)))),
      changeOf: ({ key, time, data, changed, extensions }) => ({
        kind: 'present',
        record: { id: key, version: time, deleted: false, data },
        ...(changed && { changed }),
        ...(extensions?.by && { by: extensions.by }),
      }),
      normalise: (_, value) => (value === '' || value === undefined ? null : value),
      verify: async () => {},
    }
  }

  async #write(write: PeerWrite): Promise<PeerOutcome> {
    if (write.op === 'delete') throw new Error('nothing is deleted here')
    const known = this.records.get(write.id)
    if (write.op === 'update' && known && known.version !== write.version) return { status: 'changed', record: known }
    this.writes.push({ id: write.id, values: write.values })
    await this.set(write.id, write.values, 'twenty-sync')
    return { status: 'written', record: this.records.get(write.id)!, exact: true }
  }
}

export interface StoredTask extends Task {
  readonly about: TaskDraft['about']
  readonly assignee?: string
}

/** The system that holds the tasks. */
class MemoryTasks {
  readonly rows = new Map<string, StoredTask>()
  opened = 0
  calls: string[] = []
  /** What a call fails with, once it was made or before. */
  fault: (call: string) => SyncError | undefined = () => undefined
  /** Events of this one cannot be read. */
  unreadable: string | undefined
  /** Happens while the answer of a read is on its way. */
  afterRead: () => Promise<void> = async () => {}
  readonly #bench: QuestionBench

  constructor(bench: QuestionBench) {
    this.#bench = bench
  }

  get all(): StoredTask[] {
    return [...this.rows.values()]
  }

  get open(): StoredTask[] {
    return this.all.filter(({ done, deleted }) => !done && !deleted)
  }

  async edit(id: string, change: Partial<Task>, by = 'Olga'): Promise<void> {
    const row = { ...this.rows.get(id)!, ...change, version: this.#bench.stamp(), by }
    this.rows.set(id, row)
    await this.#bench.log.append('tasks', [eventOf('task', row.version, id, { title: row.title }, undefined, by)])
  }

  /** Ticks the line of the body that begins so. */
  tick(id: string, ...begins: string[]): Promise<void> {
    const body = begins.reduce((text, begin) => {
      if (!text.includes(`- [ ] ${begin}`)) throw new Error(`no line "${begin}" in\n${text}`)
      return text.replace(`- [ ] ${begin}`, `- [x] ${begin}`)
    }, this.rows.get(id)!.body)
    return this.edit(id, { body })
  }

  tasks(life: Life): Tasks {
    const call = <T>(name: string, effect: () => Promise<T>): Promise<T> =>
      life.call(async () => {
        this.calls.push(name)
        const fault = this.fault(name)
        if (fault) throw fault
        return effect()
      })
    return {
      system: 'twenty',
      open: draft => call('open', () => this.#open(draft)),
      read: id =>
        call('read', async () => {
          const row = this.rows.get(id)
          await this.afterRead()
          return row
        }),
      update: (id, change, version) => call('update', () => this.#update(id, change, version)),
      eventOf: ({ key, time }) => {
        if (key === this.unreadable) throw new SyncError('rejected', 'INVALID_ANSWER', 'no task in it')
        return { id: key, version: time }
      },
    }
  }

  async #open({ id, title, body, about, assignee }: TaskDraft): Promise<Opened> {
    if (this.rows.has(id)) return {}
    this.opened++
    const row = { id, title, body, about, done: false, deleted: false, version: '', ...(assignee && { assignee }) }
    this.rows.set(id, row)
    await this.edit(id, {}, 'twenty-sync')
    return { version: this.rows.get(id)!.version }
  }

  async #update(id: string, change: TaskChange, version: string): Promise<string | undefined> {
    if (this.rows.get(id)?.version !== version) return undefined
    await this.edit(id, change, 'twenty-sync')
    return this.rows.get(id)!.version
  }
}

/** A sync between two systems in memory, with tasks in one of them, on a clock that moves only when told to. */
export class QuestionBench {
  readonly clock = new VirtualClock()
  readonly config: SyncConfig
  readonly state = memoryState({ clock: this.clock })
  readonly log: EventLog = memoryLog({ clock: this.clock })
  readonly left = new MemorySide(this, 'left')
  readonly right = new MemorySide(this, 'right')
  readonly tasks = new MemoryTasks(this)
  readonly #coordinator = localCoordinator({ clock: this.clock })
  readonly #ending = new AbortController()
  /** Takes the place of a side's peer in runs that begin later, to let things go wrong. */
  wrap: (peer: Peer, side: SideName) => Peer = peer => peer
  /** What stopped a sync. */
  readonly failures: unknown[] = []
  #lastStamp = 0
  #lives = 0

  constructor(config: Partial<SyncConfig> = {}) {
    this.config = { ...CONFIG, ...config }
  }

  /** A new version: no two are alike. */
  stamp(): string {
    this.#lastStamp = Math.max(this.#lastStamp + 1, this.clock.now())
    return new Date(this.#lastStamp).toISOString()
  }

  async begin(...ids: string[]): Promise<SyncRunner> {
    await this.log.createTopics([{ name: 'left' }, { name: 'right' }, { name: 'tasks' }])
    for (const id of ids) {
      const values = { key: id, name: `Name ${id}`, title: 'old', city: 'old', phone: 'old' }
      await this.left.set(`l-${id}`, values)
      await this.right.set(`r-${id}`, values)
    }
    const runner = this.run()
    await this.rest()
    return runner
  }

  run(life: Life = new Life(this)): SyncRunner {
    const env: Environment = {
      clock: mortal(this.clock, life),
      random: () => 0.5,
      uuid: () => `uuid-${++this.#lives}`,
      http: () => Promise.reject(new Error('no network here')),
      logger: LOGGER,
    }
    const runner = new SyncRunner({
      config: this.config,
      peers: { left: this.wrap(this.left.peer(life), 'left'), right: this.wrap(this.right.peer(life), 'right') },
      questions: { tasks: this.tasks.tasks(life), topic: 'tasks' },
      compile: source => {
        throw new Error(`no expressions here: ${source}`)
      },
      state: life.state,
      log: life.log,
      env,
      owner: `p${++this.#lives}`,
      group: 'sync',
      topics: { left: 'left', right: 'right' },
      coordinator: this.#coordinator,
      drainMs: 1000,
    })
    runner.run(this.#ending.signal).catch(error => this.failures.push(error))
    return runner
  }

  /** Both sides change the same fields of a pair in ways that do not agree. */
  async contest(id: string, values: Fields = { title: 'A' }, others: Fields = { title: 'B' }): Promise<void> {
    await Promise.all([this.left.set(`l-${id}`, values, 'Ada'), this.right.set(`r-${id}`, others, 'ERP user')])
  }

  rest(ms = 5000): Promise<void> {
    return this.clock.advance(ms)
  }

  values(id: string, field = 'title'): unknown[] {
    return [this.left.records.get(`l-${id}`)?.data[field], this.right.records.get(`r-${id}`)?.data[field]]
  }

  async conflicts(): Promise<Conflict[]> {
    return this.#all('conflict')
  }

  async links(): Promise<Link[]> {
    return this.#all('link')
  }

  async #all<T>(family: string): Promise<T[]> {
    const values: T[] = []
    for await (const { value } of this.state.scan(`{sync/people}:${family}:`)) values.push(value as T)
    return values
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    // Not awaited: what a test has killed never ends.
    await this.rest()
  }
}

function eventOf(
  object: string,
  time: string,
  id: string,
  data: Fields,
  changed: readonly string[] | undefined,
  by: string | undefined,
): ChangeEvent {
  return {
    id: `${id} ${time}`,
    type: `${object}.updated`,
    source: `/${object}`,
    subject: `${object}/${id}`,
    time,
    key: id,
    ...(changed && { changed }),
    ...(by && { extensions: { by } }),
    data,
  }
}

/** Timers of a process that is gone do not fire. */
function mortal(clock: VirtualClock, life: Life): Clock {
  const after: Clock['after'] = (ms, fire) => clock.after(ms, () => !life.dead && fire())
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    after,
    sleep: (ms, signal) => clock.sleep(ms, signal).then(() => life.call(() => {})),
  }
}

export function away(): SyncError {
  return new SyncError('retryable', 'HTTP_503', 'twenty answered 503')
}
