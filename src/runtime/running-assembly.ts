import type { Engine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { SyncRunner } from '../sync/sync-runner.ts'
import type { AssembledSystem, Assembly } from './assemble.ts'
import { DeadLetters } from './dead-letters.ts'
import type { FlowCounters } from './flow-counters.ts'
import { FlowRunner } from './flow-runner.ts'
import type { Intake } from './intake.ts'
import { type Live, LocalOperations } from './local-operations.ts'
import { noSuch } from './no-such.ts'
import type { ConnectorReport, FlowReport, Operations, SystemReport } from './operations.ts'
import { Poller } from './poller.ts'
import { Redactor } from './redact.ts'
import { Supervisor } from './supervisor.ts'
import { WriteLedger } from './write-ledger.ts'

export interface RunningAssemblyOptions {
  readonly assembly: Assembly
  readonly engine: Engine
  readonly env: Environment
  readonly intake: Intake
  readonly instance: string
  readonly drainMs: number
  /** Of a flow, by its identity: the one object over all reloads. */
  readonly counters: (flow: string) => FlowCounters
  readonly facts: () => { startedAt: string; intake: string }
  readonly received: (connector: string) => Pick<ConnectorReport, 'received' | 'dropped' | 'refused'>
}

/** An assembly with its loops: monitors, pollers and flows. Started and stopped as a whole, so a reload can swap it. */
export class RunningAssembly {
  readonly assembly: Assembly
  readonly operations: Operations
  readonly #options: RunningAssemblyOptions
  readonly #env: Environment
  readonly #flows = new Map<string, Supervisor<FlowRunner>>()
  readonly #syncs = new Map<string, Supervisor<SyncRunner>>()
  readonly #pollers = new Map<string, Poller>()
  readonly #stopping = new AbortController()
  #running: Promise<unknown>[] = []

  constructor(options: RunningAssemblyOptions) {
    this.#options = options
    this.#env = options.env
    this.assembly = options.assembly
    const { engine, env, assembly } = options
    const ledger = new WriteLedger(engine.state)
    const deadLetters = new DeadLetters({
      log: engine.log,
      state: engine.state,
      clock: env.clock,
      topics: assembly.names,
      redactor: new Redactor(assembly.config.secrets),
      configHash: assembly.config.hash,
    })
    this.#makeFlows(deadLetters, ledger)
    this.#makeSyncs()
    this.#makePollers()
    this.operations = new LocalOperations({ assembly, engine, env, deadLetters, ledger, live: this.#live() })
  }

  #makeFlows(deadLetters: DeadLetters, ledger: WriteLedger): void {
    const { engine, env, assembly, drainMs } = this.#options
    for (const { compiled, systems } of assembly.flows) {
      const runner = new FlowRunner({
        flow: compiled,
        log: engine.log,
        state: engine.state,
        env,
        deadLetters,
        ledger,
        drainMs,
        counters: this.#options.counters(compiled.identity),
      })
      const monitors = systems.map(name => assembly.systems.get(name)!.monitor)
      this.#flows.set(compiled.name, new Supervisor({ runner, systems: monitors, state: engine.state, env }))
    }
  }

  #makeSyncs(): void {
    const { engine, env, assembly, instance, drainMs } = this.#options
    const { log, state, coordinator } = engine
    const { compile } = assembly.expressions
    for (const { config, peers, group, topics, taskTopic, tasks, systems } of assembly.syncs) {
      const parts = { config, peers, compile, state, env, owner: instance }
      const questions = tasks && taskTopic ? { questions: { tasks, topic: taskTopic } } : {}
      const runner = new SyncRunner({ ...parts, group, topics, ...questions, log, coordinator, drainMs })
      const monitors = systems.map(name => assembly.systems.get(name)!.monitor)
      this.#syncs.set(config.name, new Supervisor({ runner, systems: monitors, state, env }))
    }
  }

  #makePollers(): void {
    const { engine, env, assembly, intake, instance } = this.#options
    for (const [name, connector] of assembly.connectors) {
      if (!connector.poll || connector.objects.length === 0) continue
      const { state, coordinator } = engine
      const append = (events: Parameters<Intake['append']>[1]) => intake.append(name, events)
      this.#pollers.set(name, new Poller({ name, connector, append, state, coordinator, env, instance }))
    }
  }

  start(): void {
    const { signal } = this.#stopping
    const { systems, config } = this.assembly
    this.#running = [
      ...[...systems.values()].map(({ monitor }) => monitor.run(signal)),
      ...[...this.#flows.values()].map(flow => flow.run(signal)),
      ...[...this.#syncs.values()].map(sync => sync.run(signal)),
      ...[...this.#pollers].map(async ([name, poller]) => {
        const system = config.connectors.get(name)?.system
        if (system) await systems.get(system)!.monitor.whenReady(signal)
        if (!signal.aborted) await poller.run(signal)
      }),
    ]
    for (const running of this.#running) {
      running.catch(error => this.#env.logger.fatal({ err: error }, 'a loop of the daemon ended'))
    }
  }

  /** @throws SyncError rejected `NO_SUCH_CONNECTOR`, or `NOTHING_TO_POLL` of one that only receives. */
  pollNow(connector: string): void {
    const { connectors } = this.assembly
    if (!connectors.has(connector)) throw noSuch('CONNECTOR', connector, [...connectors.keys()])
    const poller = this.#pollers.get(connector)
    if (!poller)
      throw new SyncError(
        'rejected',
        'NOTHING_TO_POLL',
        `${connector} only takes what comes in; it has nothing to poll`,
      )
    poller.now()
  }

  /** Drained when resolved. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.allSettled(this.#running)
    await this.assembly.close()
  }

  #live(): Live {
    return {
      status: async () => ({
        ...this.#options.facts(),
        systems: await this.#systems(),
        connectors: this.#connectors(),
      }),
      flow: name => this.#flowReport(this.#flows.get(name)!),
      pause: name => this.#flows.get(name)!.pause(),
      resume: name => this.#flows.get(name)!.resume(),
      syncs: this.#syncs,
      ending: this.#stopping.signal,
    }
  }

  #systems(): Promise<SystemReport[]> {
    return Promise.all([...this.assembly.systems.values()].map(system => this.#systemReport(system)))
  }

  async #systemReport({ name, type, url, monitor, sink }: AssembledSystem): Promise<SystemReport> {
    const { ready, error, nextTryAt } = monitor.status
    return {
      name,
      type,
      ...(url && { url }),
      ready,
      ...(error && { reason: error }),
      ...(nextTryAt && { nextTryAt: iso(nextTryAt) }),
      ...(await sink.status?.().catch(() => undefined)),
    }
  }

  #connectors(): ConnectorReport[] {
    return [...this.assembly.config.connectors.values()].map(({ name, definition }) => {
      const connector = this.assembly.connectors.get(name)!
      const poll = this.#pollers.get(name)?.status
      const received = this.#options.received(name)
      return {
        name,
        type: definition.type,
        ...(connector.route && { path: connector.route.path }),
        objects: connector.objects,
        ...received,
        dropped: summed(received.dropped, poll?.dropped),
        ...(poll && { poll }),
      }
    })
  }

  #flowReport({ runner, status }: Supervisor<FlowRunner>): Omit<FlowReport, 'name' | 'lag' | 'deadLetters'> {
    const { counters, parked, waiting } = runner
    const oldest = runner.oldestUnfinishedAt()
    const head = [...parked.lanes()].map(({ events }) => events[0]!).sort((a, b) => a.dueAt - b.dueAt)[0]
    const { lastError } = counters
    return {
      state: status.state,
      ...(status.reason && { reason: status.reason }),
      ...(status.nextTryAt && { nextTryAt: iso(status.nextTryAt) }),
      done: counters.done,
      skipped: Object.fromEntries(counters.skips),
      parked: parked.size,
      ...(head && { parkedNext: { at: iso(head.dueAt), code: head.code, message: head.message } }),
      ...(waiting && { collected: { records: waiting.records, startAt: iso(waiting.dueAt) } }),
      retried: counters.retried,
      unclassified: counters.unclassified,
      ...(runner.loops.length > 0 && { loops: runner.loops }),
      perSecond: counters.perSecond(),
      ...(oldest && { oldestUnfinishedAt: iso(oldest) }),
      ...(lastError && { lastError: { ...lastError, at: iso(lastError.at) } }),
    }
  }
}

/** By either way: dropped requests and dropped records of polls. */
function summed(left: Counts, right: Counts = {}): Counts {
  const sums: Record<string, number> = { ...left }
  for (const [reason, count] of Object.entries(right)) sums[reason] = (sums[reason] ?? 0) + count
  return sums
}

type Counts = ConnectorReport['dropped']

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
