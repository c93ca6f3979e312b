import type { SyncConfig } from '../../src/config/config.ts'
import type { Expression } from '../../src/config/definition.ts'
import type { ChangeEvent, Fields } from '../../src/event.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { memoryLog } from '../../src/log/memory.ts'
import twentySink from '../../src/sinks/twenty.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import type { Conflict } from '../../src/sync/conflict.ts'
import type { Peer } from '../../src/sync/peer.ts'
import { SyncRunner } from '../../src/sync/sync-runner.ts'
import { type TwentyBench, twentyBench } from './twenty-bench.ts'

const side = { object: 'person', create: true, deletes: 'propagate' } as const

/** People of two workspaces, matched by last name, left preferred. */
export const PEOPLE: SyncConfig = {
  name: 'people',
  left: { system: 'left', ...side },
  right: { system: 'right', ...side },
  match: [{ left: 'name.lastName', right: 'name.lastName', normalise: 'text' }],
  fields: ['name.firstName', 'name.lastName', 'jobTitle'].map(name => ({
    name,
    left: name,
    right: name,
    direction: 'both',
    policy: { kind: 'prefer', side: 'left' },
    tie: { kind: 'ask' },
  })),
  skewToleranceMs: 2000,
  guard: { creates: 100_000, updates: 100_000, deletes: 10 },
}

/** Two stand-in Twenty servers and what the engine of a sync needs beside them; no webhooks and no polls. */
export class SyncBench {
  readonly left: TwentyBench
  readonly right: TwentyBench
  readonly state: StateStore
  readonly log: EventLog
  readonly #coordinator
  readonly #ending = new AbortController()
  readonly #running: Promise<void>[] = []

  private constructor(left: TwentyBench, right: TwentyBench) {
    this.left = left
    this.right = right
    const { clock } = left.env
    this.state = memoryState({ clock })
    this.log = memoryLog({ clock })
    this.#coordinator = localCoordinator({ clock })
  }

  static async start(people: { left: Fields[]; right: Fields[] }): Promise<SyncBench> {
    const [left, right] = await Promise.all([twentyBench(), twentyBench()])
    const bench = new SyncBench(left, right)
    left.twenty.seed('people', people.left)
    right.twenty.seed('people', people.right)
    for (const each of [left, right]) {
      await each.client.schemas.refresh()
      each.twenty.resetCalls()
    }
    await bench.log.createTopics([{ name: 'left' }, { name: 'right' }])
    return bench
  }

  /** @param wrap takes the place of a side's peer, to let things go wrong. */
  run(
    config: SyncConfig = PEOPLE,
    { owner = 'one', wrap = (peer: Peer): Peer => peer, compile = noExpressions } = {},
  ): SyncRunner {
    const runner = new SyncRunner({
      config,
      peers: { left: wrap(this.#peer(this.left)), right: wrap(this.#peer(this.right)) },
      compile,
      state: this.state,
      env: this.left.env,
      owner,
      group: 'sync',
      topics: { left: 'left', right: 'right' },
      log: this.log,
      coordinator: this.#coordinator,
      drainMs: 1000,
    })
    this.#running.push(runner.run(this.#ending.signal))
    return runner
  }

  /** A webhook of the side about a record as it is now. */
  tell(side: 'left' | 'right', id: string, changed: readonly string[]): Promise<void> {
    const row = this[side].twenty.rows('people').find(each => each.id === id) as Fields
    const event: ChangeEvent = {
      id: `${id} ${String(row.updatedAt)}`,
      type: 'person.updated',
      source: `/${side}`,
      subject: `person/${id}`,
      time: String(row.updatedAt),
      key: id,
      changed,
      extensions: { via: 'webhook' },
      data: row,
    }
    return this.log.append(side, [event])
  }

  people(side: 'left' | 'right'): (Fields & { id: string })[] {
    return this[side].twenty.rows('people').filter(row => !row.deletedAt) as (Fields & { id: string })[]
  }

  async conflicts(runner: SyncRunner): Promise<Conflict[]> {
    const conflicts: Conflict[] = []
    for await (const { value } of this.state.scan(runner.context.keys.conflicts)) conflicts.push(value as Conflict)
    return conflicts
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await Promise.allSettled(this.#running)
    await Promise.all([this.left.stop(), this.right.stop()])
  }

  #peer(bench: TwentyBench): Peer {
    return twentySink.peer!(bench.config, { ...bench.context, client: bench.client, object: 'person' })
  }
}

function noExpressions(): Expression {
  throw new Error('no expressions here')
}
