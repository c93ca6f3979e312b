import { setMaxListeners } from 'node:events'
import {
  allSteps,
  type Config,
  type ConfigPath,
  type ConnectorConfig,
  type FlowConfig,
  type Problem,
  type StepConfig,
  type SystemConfig,
} from '../config/config.ts'
import type { Connector, SourceUse } from '../connectors/connector.ts'
import type { Engine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { Expressions } from '../expressions/expressions.ts'
import { DEFAULT_MAX_RECORD_BYTES, type TopicSpec } from '../log/event-log.ts'
import type { ActionUse, Sink } from '../sinks/sink.ts'
import { assembleSync, type CompiledSync, verifySyncs } from './assemble-syncs.ts'
import { Batcher } from './batcher.ts'
import { Claims } from './claims.ts'
import { collectSettings } from './collector.ts'
import { compileSteps } from './compile-steps.ts'
import type { CompiledFlow } from './compiled-flow.ts'
import type { RunningSystem } from './step.ts'
import { SystemMonitor } from './system-monitor.ts'
import { TopicNames } from './topics.ts'
import { verifyReads } from './verify-reads.ts'

export interface AssembledSystem extends RunningSystem {
  readonly sink: Sink
  readonly monitor: SystemMonitor
  readonly type: string
  /** Where the system is, for people. */
  readonly url?: string
}

/** Every component of a config, made and wired, not yet started. */
export interface Assembly {
  readonly config: Config
  readonly names: TopicNames
  readonly expressions: Expressions
  readonly systems: ReadonlyMap<string, AssembledSystem>
  readonly connectors: ReadonlyMap<string, Connector>
  readonly flows: readonly { readonly compiled: CompiledFlow; readonly systems: readonly string[] }[]
  readonly syncs: readonly CompiledSync[]
  readonly topics: readonly TopicSpec[]
  /** What the live systems say about the config: unknown objects and fields, with place and suggestion. */
  verify(system: string, signal: AbortSignal): Promise<Problem[]>
  /** Fields of the system's records that expressions read and that are not there: the flow runs, and fails when it reads them. */
  verifyReads(system: string, signal: AbortSignal): Promise<Problem[]>
  /** Ends every call under way. */
  close(): Promise<void>
}

export function assemble(config: Config, engine: Engine, env: Environment, instance: string): Assembly {
  return new Assembler(config, engine, env, instance).assemble()
}

/** One flow's or step's view of what was made so far. */
class Assembler {
  readonly #config: Config
  readonly #engine: Engine
  readonly #env: Environment
  readonly #claims: Claims
  readonly #expressions: Expressions
  readonly #names: TopicNames
  /** Said already: a system is found ready many times. */
  readonly #warnings = new Set<string>()
  readonly #ending = new AbortController()
  readonly #systems = new Map<string, AssembledSystem>()
  readonly #clients = new Map<string, unknown>()
  readonly #connectors = new Map<string, Connector>()
  #syncs: readonly CompiledSync[] = []
  readonly #closers: (() => Promise<void> | undefined)[] = []

  constructor(config: Config, engine: Engine, env: Environment, instance: string) {
    this.#config = config
    this.#engine = engine
    this.#env = env
    const { coordinator, shared } = engine
    this.#claims = new Claims({ coordinator, clock: env.clock, random: env.random, owner: instance, shared })
    this.#names = new TopicNames(config.log.prefix)
    this.#expressions = new Expressions(config)
    // Every call under way listens to it.
    setMaxListeners(0, this.#ending.signal)
  }

  assemble(): Assembly {
    for (const system of this.#config.systems.values()) this.#makeSystem(system)
    for (const connector of this.#config.connectors.values()) this.#makeConnector(connector)
    const flows = [...this.#config.flows.values()].map(flow => ({
      compiled: this.#compileFlow(flow),
      systems: [...new Set(actionsOf(flow.steps).map(step => step.system))],
    }))
    this.#syncs = [...this.#config.syncs.values()].map(sync =>
      assembleSync(sync, this.#config, this.#names, (system, object) => this.#peerContext(system, object)),
    )
    return {
      config: this.#config,
      names: this.#names,
      expressions: this.#expressions,
      systems: this.#systems,
      connectors: this.#connectors,
      flows,
      syncs: this.#syncs,
      topics: this.#topics(),
      verify: (system, signal) => this.#verify(system, signal),
      verifyReads: (system, signal) => this.#verifyReads(system, signal),
      close: () => this.#close(),
    }
  }

  #makeSystem({ name, definition, config }: SystemConfig): void {
    const context = this.#systemContext(name)
    const client = definition.client?.(config as never, context)
    this.#clients.set(name, client)
    const sink = definition.create(config as never, { ...context, client })
    this.#closers.push(() => sink.close?.())
    const monitor = new SystemMonitor({ name, env: this.#env, check: signal => this.#ready(name, sink, signal) })
    const batcher = new Batcher({
      system: name,
      sink,
      actions: definition.actions,
      env: this.#env,
      claims: this.#claims,
      signal: this.#ending.signal,
    })
    this.#systems.set(name, {
      name,
      type: definition.type,
      ...(typeof config.url === 'string' && { url: config.url }),
      sink,
      batcher,
      monitor,
      echoes: [...this.#config.connectors.values()].some(connector => connector.system === name),
      failed: error => monitor.failed(error),
    })
  }

  #systemContext(name: string) {
    const { state, coordinator } = this.#engine
    return { name, env: this.#env, state, coordinator, compile: (source: string) => this.#expressions.compile(source) }
  }

  #peerContext(system: string, object: string) {
    return { ...this.#systemContext(system), client: this.#clients.get(system), object }
  }

  #makeConnector({ name, definition, config, system, objects }: ConnectorConfig): void {
    const connector = definition.create(config as never, {
      ...this.#systemContext(name),
      client: system ? this.#clients.get(system) : undefined,
      objects,
      publicUrl: this.#config.server.publicUrl,
    })
    this.#connectors.set(name, connector)
    this.#closers.push(() => connector.close?.())
  }

  /** What a flow waits for: the system answers, the config fits it, and its events will come. */
  async #ready(name: string, sink: Sink, signal: AbortSignal): Promise<void> {
    await sink.check?.(signal)
    const problems = await this.#verify(name, signal)
    if (problems.length > 0)
      throw new SyncError('fatal', 'CONFIG', problems.map(problem => `${problem.path}: ${problem.message}`).join('; '))
    await this.#warnOfReads(name, signal)
    for (const connector of this.#config.connectors.values()) {
      if (connector.system === name) await this.#connectors.get(connector.name)?.check?.(signal)
    }
  }

  /** Not worth stopping for: somebody has removed a field in Twenty, and that must not keep a daemon from starting. */
  async #warnOfReads(system: string, signal: AbortSignal): Promise<void> {
    for (const { file, line, column, path, message } of await this.#verifyReads(system, signal)) {
      const text = `${file}:${line}:${column} ${path}: ${message}`
      if (!this.#warnings.has(text)) this.#env.logger.warn({ system }, text)
      this.#warnings.add(text)
    }
  }

  #verifyReads(system: string, signal: AbortSignal): Promise<Problem[]> {
    return verifyReads(this.#config, {
      ofEvents: async source => {
        if ('deadLettersOf' in source || this.#config.connectors.get(source.connector)!.system !== system)
          return undefined
        return this.#connectors.get(source.connector)!.shape?.(source.object, signal)
      },
      ofResult: async ({ verb, config, use }) => {
        if (use.kind !== 'action' || use.system !== system) return undefined
        return this.#systems.get(system)!.sink.shape?.({ action: verb, args: config }, signal)
      },
    })
  }

  async #verify(system: string, signal: AbortSignal): Promise<Problem[]> {
    const problems: Problem[] = []
    const uses = [...this.#config.flows.values()]
      .flatMap(flow => actionsOf(flow.steps))
      .filter(step => step.system === system)
    await this.#systems.get(system)!.sink.verify?.(
      uses.map(({ step }) => this.#use(step, problems)),
      signal,
    )
    for (const { name, system: own } of this.#config.connectors.values()) {
      if (own === system) await this.#connectors.get(name)!.verify?.(this.#sourceUses(name, problems), signal)
    }
    return [...problems, ...(await verifySyncs(this.#syncs, this.#config, system, signal))]
  }

  #sourceUses(connector: string, problems: Problem[]): SourceUse[] {
    return [...this.#config.flows.values()].flatMap(flow =>
      flow.from.flatMap((source, at) => {
        if ('deadLettersOf' in source || source.connector !== connector) return []
        const { object, action } = source
        const path = ['flows', flow.name, 'from', ...(flow.from.length > 1 ? [at] : [])]
        const problem: SourceUse['problem'] = (message, suggestion) => {
          problems.push(this.#config.problemAt(path, 'source', message, suggestion))
        }
        return { object, ...(action !== undefined && { action }), problem }
      }),
    )
  }

  #use(step: StepConfig, problems: Problem[]): ActionUse {
    return {
      action: step.verb,
      args: step.config,
      problem: (path, message, suggestion) => {
        problems.push(
          this.#config.problemAt([...step.path, ...path] as ConfigPath, 'unknown-field', message, suggestion),
        )
      },
    }
  }

  #compileFlow(flow: FlowConfig): CompiledFlow {
    const topics = new Map<string, Set<string> | undefined>()
    const echoSystems = new Map<string, string>()
    for (const source of flow.from) {
      if ('deadLettersOf' in source) {
        topics.set(this.#names.deadLetters(this.#identityOf(source.deadLettersOf)), undefined)
        continue
      }
      const { connector, object, action } = source
      const topic = this.#names.source(connector, object)
      const actions = topics.get(topic)
      if (!action || (topics.has(topic) && !actions)) topics.set(topic, undefined)
      else topics.set(topic, new Set([...(actions ?? []), action]))
      const { system } = this.#config.connectors.get(connector)!
      if (system) echoSystems.set(topic, system)
    }
    const identity = flow.formerly ?? flow.name
    return {
      name: flow.name,
      identity,
      group: this.#names.group(identity),
      topics,
      redriveTopic: this.#names.redrive(identity),
      start: flow.start,
      concurrency: flow.concurrency,
      ...(flow.collect && { collect: collectSettings(flow.collect, this.#expressions.compile) }),
      rememberMs: flow.rememberMs,
      steps: compileSteps(flow.steps, {
        flow: flow.name,
        env: this.#env,
        config: this.#config,
        expressions: this.#expressions,
        systems: this.#systems,
        onClose: close => this.#closers.push(close),
      }),
      echoSystems,
    }
  }

  #identityOf(flow: string): string {
    return this.#config.flows.get(flow)?.formerly ?? flow
  }

  #topics(): TopicSpec[] {
    const { retentionMs } = this.#config.log
    const sources = [...this.#config.connectors.values()].flatMap(({ name }) => {
      const connector = this.#connectors.get(name)!
      const maxRecordBytes = Math.max(DEFAULT_MAX_RECORD_BYTES, connector.route?.bodyLimitBytes ?? 0)
      return connector.objects.map(object => ({ name: this.#names.source(name, object), retentionMs, maxRecordBytes }))
    })
    const largest = Math.max(DEFAULT_MAX_RECORD_BYTES, ...sources.map(topic => topic.maxRecordBytes))
    const flows = [...this.#config.flows.values()].flatMap(flow => {
      const identity = flow.formerly ?? flow.name
      // A dead letter carries the event and what the steps made of it; one of a dead letter, that one. One of an item takes
      // all of that along to its redrive.
      const event = largest * 4 ** this.#lettersDeep(flow)
      return [
        { name: this.#names.deadLetters(identity), retentionMs, maxRecordBytes: 4 * event },
        { name: this.#names.redrive(identity), retentionMs, maxRecordBytes: 4 * event },
      ]
    })
    return [...sources, ...flows]
  }

  /** 0 for a flow that reads what comes in, 1 for one that reads its dead letters, and so on. */
  #lettersDeep({ from }: FlowConfig): number {
    const below = from.flatMap(source => ('deadLettersOf' in source ? [source.deadLettersOf] : []))
    return Math.max(0, ...below.map(name => 1 + this.#lettersDeep(this.#config.flows.get(name)!)))
  }

  async #close(): Promise<void> {
    this.#ending.abort()
    await Promise.allSettled(this.#closers.map(close => close()))
  }
}

function actionsOf(steps: readonly StepConfig[]): { step: StepConfig; system: string }[] {
  return allSteps(steps).flatMap(step => (step.use.kind === 'action' ? [{ step, system: step.use.system }] : []))
}
