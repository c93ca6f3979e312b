import isEqual from 'lodash/isEqual.js'
import pick from 'lodash/pick.js'
import { configChanges } from '../config/changes.ts'
import type { Config, Problem } from '../config/config.ts'
import { ConfigError } from '../config/config.ts'
import { type Engine, openEngine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { createServer, type InjectedAnswer, type InjectedRequest, type Server } from '../server/server.ts'
import { type Assembly, assemble } from './assemble.ts'
import { topicsOf } from './assemble-syncs.ts'
import { FlowCounters } from './flow-counters.ts'
import { Intake } from './intake.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { Operations, ReloadOutcome } from './operations.ts'
import { placeGroups } from './place-groups.ts'
import { RunningAssembly } from './running-assembly.ts'
import { TopicNames } from './topics.ts'
import { verifySystems } from './verify-systems.ts'

const DRAIN_MS = 25_000
/** How long the start waits for systems to say whether the config fits them. */
const VERIFY_MS = 5000
/** How long the start waits for the log; then it goes on in the background, and `/readyz` stays red. */
const PREPARE_MS = 20_000

export interface Daemon {
  readonly config: Config
  /** Base of the intake: `http://127.0.0.1:8080`. */
  readonly url: string
  readonly operations: Operations
  /** Answers a request as if it had come over the network. */
  inject(request: InjectedRequest): Promise<InjectedAnswer>
  /** Re-reads the config; a bad one changes nothing. */
  reload(): Promise<ReloadOutcome>
  /** @throws SyncError rejected `NO_SUCH_CONNECTOR`, `NOTHING_TO_POLL` */
  pollNow(connector: string): void
  /** Takes nothing new, finishes what was begun within the deadline, closes everything. */
  stop(reason: string): Promise<void>
}

export interface DaemonOptions {
  readonly config: Config
  /** Reads the config again, for reload. @throws ConfigError */
  readonly load: () => Promise<Config>
  readonly env: Environment
  /** Given by tests; else opened as the config says, and closed on stop. */
  readonly engine?: Engine
  /** Default 25 s. */
  readonly drainMs?: number
  /** False: nothing comes in but by `inject`. */
  readonly listen?: boolean
}

/** @throws ConfigError, SyncError when the engine cannot be opened or the port is taken. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const engine = options.engine ?? (await openEngine(options.config, options.env))
  const daemon = new RunningDaemon(options, engine)
  try {
    await daemon.start()
    return daemon
  } catch (error) {
    await daemon.stop('start failed').catch(() => {})
    throw error
  }
}

class RunningDaemon implements Daemon {
  readonly #options: DaemonOptions
  readonly #env: Environment
  readonly #engine: Engine
  readonly #instance: string
  readonly #intake: Intake
  readonly #metrics: Metrics
  readonly #startedAt: string
  /** By the flow's identity: a reload counts on. */
  readonly #counters = new Map<string, FlowCounters>()
  #current: RunningAssembly | undefined
  #server: Server | undefined
  #url = ''
  #reloading: Promise<unknown> = Promise.resolve()
  readonly #stopping = new AbortController()
  #stopped: Promise<void> | undefined

  constructor(options: DaemonOptions, engine: Engine) {
    this.#options = options
    this.#env = options.env
    this.#engine = engine
    this.#instance = options.env.uuid()
    this.#metrics = createMetrics(options.env.clock)
    this.#intake = new Intake(engine.log, new TopicNames(options.config.log.prefix), options.env)
    this.#startedAt = new Date(options.env.clock.now()).toISOString()
  }

  get config(): Config {
    return this.#current!.assembly.config
  }

  get url(): string {
    return this.#url
  }

  get operations(): Operations {
    return this.#current!.operations
  }

  inject(request: InjectedRequest): Promise<InjectedAnswer> {
    return this.#server!.inject(request)
  }

  async start(): Promise<void> {
    const { config } = this.#options
    const assembly = assemble(config, this.#engine, this.#env, this.#instance)
    this.#current = this.#running(assembly)
    // Systems are asked while topics are made: neither waits for the other.
    const prepared = this.#prepared(assembly)
    prepared.catch(() => {})
    const problems = await this.#problems(assembly)
    if (problems.length > 0) throw new ConfigError(problems)
    this.#metrics.watch(() => this.operations.status())
    this.#server = createServer({
      connectors: assembly.connectors,
      append: (connector, events) => this.#intake.append(connector, events),
      health: () => this.#health(),
      metrics: this.#metrics.registry,
      env: this.#env,
    })
    if (this.#options.listen !== false)
      this.#url = await this.#server.listen({ host: config.server.host, port: config.server.port })
    const opened = prepared.then(() => {
      if (this.#stopping.signal.aborted) return
      this.#intake.open()
      this.#current!.start()
    })
    await Promise.race([opened, this.#longEnough()])
    opened.catch(error => this.#env.logger.fatal({ err: error }, 'the log cannot be prepared'))
  }

  #longEnough(): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#env.clock.after(PREPARE_MS, resolve, { background: true })
      this.#stopping.signal.addEventListener('abort', cancel)
    })
  }

  /** Brokers that are away make it wait, not fail: requests get 503 meanwhile. */
  async #prepared(assembly: Assembly): Promise<void> {
    for (let attempt = 1; !this.#stopping.signal.aborted; attempt++) {
      try {
        return await prepare(this.#engine, assembly)
      } catch (thrown) {
        const error = asSyncError(thrown)
        if (error.kind !== 'retryable') throw error
        if (attempt === 5)
          this.#env.logger.warn({ code: error.code }, `the log cannot be prepared yet: ${error.message}`)
        await this.#env.clock.sleep(Math.min(5000, 100 * 2 ** attempt), this.#stopping.signal).catch(() => {})
      }
    }
  }

  #running(assembly: Assembly): RunningAssembly {
    return new RunningAssembly({
      assembly,
      engine: this.#engine,
      env: this.#env,
      intake: this.#intake,
      instance: this.#instance,
      drainMs: this.#options.drainMs ?? DRAIN_MS,
      counters: flow => this.#countersOf(flow),
      facts: () => ({ startedAt: this.#startedAt, intake: this.#url }),
      received: name => this.#server?.counts(name) ?? { received: 0, dropped: {}, refused: 0 },
    })
  }

  #countersOf(flow: string): FlowCounters {
    const counters = this.#counters.get(flow) ?? new FlowCounters(this.#env.clock)
    this.#counters.set(flow, counters)
    return counters
  }

  /** A system that does not answer in time is no config error: its flows wait for it. */
  async #problems(assembly: Assembly): Promise<Problem[]> {
    return (await verifySystems(assembly, assembly.verify, this.#env, VERIFY_MS)).problems
  }

  #health() {
    const intake = this.#intake.health()
    return { ready: intake.ok, parts: { intake: intake.ok ? 'ok' : intake.reason! } }
  }

  reload(): Promise<ReloadOutcome> {
    const done = this.#reloading.then(() =>
      this.#stopping.signal.aborted
        ? ({ ok: false, problems: [], message: 'the daemon is stopping' } as const)
        : this.#reload(),
    )
    this.#reloading = done.catch(() => {})
    return done
  }

  async #reload(): Promise<ReloadOutcome> {
    let next: Assembly | undefined
    try {
      const config = await this.#options.load()
      refuseEngineChange(this.config, config)
      next = assemble(config, this.#engine, this.#env, this.#instance)
      const problems = await this.#problems(next)
      if (problems.length > 0) throw new ConfigError(problems)
      await prepare(this.#engine, next)
    } catch (thrown) {
      await next?.close()
      if (thrown instanceof ConfigError) return { ok: false, problems: thrown.problems }
      const { code, message } = asSyncError(thrown)
      return { ok: false, problems: [], message, code }
    }
    return this.#swap(next)
  }

  /** The new intake first: no request meets a connector that is going away. */
  async #swap(next: Assembly): Promise<ReloadOutcome> {
    const previous = this.#current!
    this.#current = this.#running(next)
    this.#server!.setConnectors(next.connectors)
    await previous.stop()
    this.#current.start()
    return {
      ok: true,
      summary: [
        counted(next.flows.length, 'flow'),
        counted(next.connectors.size, 'connector'),
        counted(next.systems.size, 'system'),
      ].join(', '),
      changes: configChanges(previous.assembly.config, next.config),
    }
  }

  pollNow(connector: string): void {
    this.#current?.pollNow(connector)
  }

  stop(reason: string): Promise<void> {
    this.#stopped ??= this.#stop(reason)
    return this.#stopped
  }

  async #stop(reason: string): Promise<void> {
    this.#stopping.abort()
    // A reload that is under way ends first: it must not start anything on an engine that is closing.
    await this.#reloading
    // What kept it from starting is told by whoever started it.
    if (this.#url !== '') this.#env.logger.info({ reason }, `stopping: ${reason}`)
    await this.#server?.close()
    await this.#current?.stop()
    if (!this.#options.engine) await this.#engine.close()
  }
}

/** Topics exist, and new flows have their place in them. */
async function prepare(engine: Engine, assembly: Assembly): Promise<void> {
  await engine.log.createTopics(assembly.topics)
  await placeGroups(engine.log, [
    ...assembly.flows.map(({ compiled: { group, topics, start } }) => ({ group, topics: [...topics.keys()], start })),
    ...assembly.syncs.map(sync => ({ group: sync.group, topics: topicsOf(sync), start: 'now' as const })),
  ])
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function refuseEngineChange(before: Config, after: Config): void {
  const parts = ['log', 'state', 'server'] as const
  if (isEqual(pick(before, parts), pick(after, parts))) return
  throw new SyncError(
    'rejected',
    'RESTART_NEEDED',
    '`log`, `state` or `server` changed: that takes a restart; nothing was changed',
  )
}
