import type { SyncConfig } from '../../src/config/config.ts'
import type { Engine } from '../../src/engine.ts'
import type { Fields } from '../../src/event.ts'
import { Expressions } from '../../src/expressions/expressions.ts'
import type { Assembly } from '../../src/runtime/assemble.ts'
import { EventFinder } from '../../src/runtime/event-finder.ts'
import type { Supervisor } from '../../src/runtime/supervisor.ts'
import { LocalSyncOperations } from '../../src/runtime/sync-operations.ts'
import type { SyncReport } from '../../src/runtime/sync-reports.ts'
import type { TopicNames } from '../../src/runtime/topics.ts'
import { WriteLedger } from '../../src/runtime/write-ledger.ts'
import type { SyncRunner } from '../../src/sync/sync-runner.ts'
import { PEOPLE, SyncBench } from './sync-bench.ts'
import { until } from './until.ts'

/** People of two workspaces whose titles and deletions are left to a person. */
export const HELD: SyncConfig = {
  ...PEOPLE,
  left: { ...PEOPLE.left, deletes: 'hold' },
  right: { ...PEOPLE.right, deletes: 'hold' },
  fields: PEOPLE.fields.map(field => ({ ...field, policy: { kind: 'ask' } })),
}

export function person(lastName: string, jobTitle = 'same'): Fields {
  return { name: { firstName: 'A', lastName }, jobTitle }
}

/** A sync at work, and what an operator can ask and decide about it. */
export class OperationsBench {
  readonly bench: SyncBench
  readonly runner: SyncRunner
  readonly config: SyncConfig
  /** Of the daemon. */
  readonly operations: LocalSyncOperations

  private constructor(bench: SyncBench, config: SyncConfig) {
    this.bench = bench
    this.config = config
    this.runner = bench.run(config)
    this.operations = this.#operations(true)
  }

  static async start(people: { left: Fields[]; right: Fields[] }, config = HELD): Promise<OperationsBench> {
    const bench = new OperationsBench(await SyncBench.start(people), config)
    await until(() => bench.runner.status.progress.matchedAt !== undefined)
    await bench.rest()
    return bench
  }

  /** As a command has them when no daemon runs. */
  offline(): LocalSyncOperations {
    return this.#operations(false)
  }

  /** Nothing is due but what waits at the guard. */
  async rest(): Promise<void> {
    await until(() => {
      const { due = 0, guarded = {} } = this.runner.status
      return this.runner.isIdle && due === Object.values(guarded).reduce((sum, waits) => sum + waits, 0)
    })
  }

  async report(operations = this.operations): Promise<SyncReport> {
    const [report] = await operations.reports()
    return report!
  }

  user(side: 'left' | 'right') {
    const { twenty } = this.bench[side]
    return twenty.asUser(String(twenty.members[0]!.id))
  }

  idOf(side: 'left' | 'right', lastName: string): string {
    return this.#row(side, lastName)?.id as string
  }

  titleOf(side: 'left' | 'right', lastName: string): unknown {
    return this.#row(side, lastName)?.jobTitle
  }

  /** Deletes it there, and the side's webhook tells. */
  async remove(side: 'left' | 'right', lastName: string): Promise<string> {
    const id = this.idOf(side, lastName)
    this.user(side).softDelete('people', id)
    const row = this.bench[side].twenty.rows('people').find(each => each.id === id) as Fields
    await this.bench.log.append(side, [
      {
        id: `${id} deleted`,
        type: 'person.deleted',
        source: `/${side}`,
        subject: `person/${id}`,
        time: String(row.updatedAt),
        key: id,
        extensions: { via: 'webhook' },
        data: row,
      },
    ])
    await until(async () =>
      (await this.operations.listConflicts({})).some(({ left, right }) => [left, right].includes(id)),
    )
    return id
  }

  async edit(side: 'left' | 'right', lastName: string, jobTitle: string): Promise<void> {
    const id = this.idOf(side, lastName)
    this.user(side).update('people', id, { jobTitle })
    await this.bench.tell(side, id, ['jobTitle'])
  }

  stop(): Promise<void> {
    return this.bench.stop()
  }

  #row(side: 'left' | 'right', lastName: string) {
    return this.bench.people(side).find(row => (row.name as { lastName: string }).lastName === lastName)
  }

  #operations(live: boolean): LocalSyncOperations {
    const { bench, config, runner } = this
    const { state, log } = bench
    const { context } = runner
    const supervisor = { runner, status: { state: 'running' } } as unknown as Supervisor<SyncRunner>
    const compiled = {
      config,
      identity: config.name,
      group: 'sync',
      topics: { left: 'left', right: 'right' },
      peers: context.peers,
      systems: ['left', 'right'],
    }
    const names = { source: (connector: string) => connector } as unknown as TopicNames
    const objects = { objects: ['person'] }
    const assembly = {
      names,
      config: {
        systems: new Map([
          ['left', {}],
          ['right', {}],
        ]),
        connectors: new Map([
          ['left', { name: 'left', system: 'left' }],
          ['right', { name: 'right', system: 'right' }],
        ]),
      },
      expressions: new Expressions(),
      systems: new Map(),
      connectors: new Map([
        ['left', objects],
        ['right', objects],
      ]),
      flows: [],
      syncs: [compiled],
    } as unknown as Assembly
    const engine = { log, state } as Engine
    return new LocalSyncOperations({
      assembly,
      engine,
      env: bench.left.env,
      ledger: new WriteLedger(state),
      finder: new EventFinder({ log, state, assembly, deadLetters: undefined as never }),
      ...(live && { supervisors: new Map([[config.name, supervisor]]) }),
    })
  }
}
