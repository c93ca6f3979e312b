import type { Engine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import type { Fields } from '../event.ts'
import type { Expressions } from '../expressions/expressions.ts'
import type { LoggedEvent, StartPosition, TopicInfo } from '../log/event-log.ts'
import type { SyncRunner } from '../sync/sync-runner.ts'
import type { Assembly } from './assemble.ts'
import { chosenLetters } from './choose-letters.ts'
import { type CompiledFlow, redriveGroupOf } from './compiled-flow.ts'
import type { DeadLetter, DeadLetters, ListedLetter } from './dead-letters.ts'
import { EventFinder, matches, summaryOf } from './event-finder.ts'
import { FlowKeys } from './flow-keys.ts'
import { type Launched, Launcher, type LaunchList, type LaunchPlace } from './launch.ts'
import { type LaunchReport, launchReport } from './launch-report.ts'
import { noSuch } from './no-such.ts'
import type { EventSummary, FlowReport, LetterChoice, Operations, ReplayArguments, StatusReport } from './operations.ts'
import { type ReplayProgress, replay } from './replay.ts'
import { storedConnectors } from './stored-connectors.ts'
import type { Supervisor } from './supervisor.ts'
import { LocalSyncOperations } from './sync-operations.ts'
import type {
  ConflictQuery,
  LinkListQuery,
  LinkQuery,
  PassQuery,
  ReconcileProgress,
  ReconcileQuery,
  RecordQuery,
  ResolveQuery,
} from './sync-reports.ts'
import type { WriteLedger } from './write-ledger.ts'

const TAIL_EVERY_MS = 300

/** What only a running daemon can say or do. */
export interface Live {
  readonly status: () => Promise<Pick<StatusReport, 'startedAt' | 'intake' | 'systems' | 'connectors'>>
  readonly flow: (name: string) => Omit<FlowReport, 'name' | 'lag' | 'deadLetters'>
  readonly pause: (flow: string) => Promise<void>
  readonly resume: (flow: string) => Promise<void>
  readonly syncs: ReadonlyMap<string, Supervisor<SyncRunner>>
  /** Aborted when this assembly goes: a replay ends then, and the same command takes it up again. */
  readonly ending: AbortSignal
}

export interface LocalOperationsOptions {
  readonly assembly: Assembly
  readonly engine: Engine
  readonly env: Environment
  readonly deadLetters: DeadLetters
  readonly ledger: WriteLedger
  readonly live?: Live
}

/** The operations on an opened engine, in the daemon or without one. */
export class LocalOperations implements Operations {
  readonly #options: LocalOperationsOptions
  readonly #finder: EventFinder
  readonly #syncs: LocalSyncOperations
  readonly #launcher: Launcher
  readonly #underWay = new Set<string>()

  constructor(options: LocalOperationsOptions) {
    this.#options = options
    const { log, state } = options.engine
    const { assembly, engine, env, ledger, live } = options
    this.#finder = new EventFinder({ log, state, assembly, deadLetters: options.deadLetters })
    this.#launcher = new Launcher({ assembly, log, env })
    const supervisors = live && { supervisors: live.syncs }
    this.#syncs = new LocalSyncOperations({ assembly, engine, env, ledger, finder: this.#finder, ...supervisors })
  }

  async status(): Promise<StatusReport> {
    const { engine, live, assembly } = this.#options
    const systems = [...assembly.systems.values()].map(({ name, type, url }) => ({
      name,
      type,
      ...(url && { url }),
      ready: false,
    }))
    const connectors = live ? [] : await storedConnectors(assembly, engine.state)
    return {
      running: live !== undefined,
      engine: engine.description,
      ...(engine.usage && { usage: engine.usage() }),
      systems,
      connectors,
      ...(await live?.status()),
      flows: await Promise.all(assembly.flows.map(({ compiled }) => this.#flowReport(compiled))),
      syncs: await this.#syncs.reports(),
    }
  }

  async #flowReport(flow: CompiledFlow): Promise<FlowReport> {
    const { live, deadLetters } = this.#options
    const letters = await deadLetters.countOpen(flow.identity).catch(() => null)
    const base = { name: flow.name, lag: await this.#lag(flow), deadLetters: letters }
    return live ? { ...base, ...live.flow(flow.name) } : { ...base, ...(await this.#stored(flow)) }
  }

  /** null while the log does not say, which is no reason to say nothing about the rest. */
  async #lag(flow: CompiledFlow): Promise<number | null> {
    const { log } = this.#options.engine
    const asked = [...flow.topics.keys()].map(topic => log.lag(topic, flow.group))
    // What a person sent back is not finished either.
    const lags = await Promise.all([...asked, log.lag(flow.redriveTopic, redriveGroupOf(flow))]).catch(() => undefined)
    return lags ? lags.reduce((sum, lag) => sum + lag, 0) : null
  }

  /** A flow's report when no daemon runs: what the state knows. */
  async #stored(flow: CompiledFlow): Promise<Omit<FlowReport, 'name' | 'lag' | 'deadLetters'>> {
    const keys = new FlowKeys(flow.identity)
    const parked = await this.#count(`${keys.tag}:parked:`)
    const records = flow.collect ? await this.#count(`${keys.tag}:collected:`) : 0
    const [control] = await this.#options.engine.state.get([keys.control])
    const paused = (control?.value as { paused?: boolean } | undefined)?.paused
    return {
      state: paused ? 'paused' : 'not running',
      done: 0,
      skipped: {},
      parked,
      ...(records > 0 && { collected: { records } }),
      retried: 0,
      unclassified: 0,
      perSecond: 0,
    }
  }

  async #count(prefix: string): Promise<number> {
    let count = 0
    for await (const _ of this.#options.engine.state.scan(prefix)) count++
    return count
  }

  topics(): Promise<TopicInfo[]> {
    return this.#options.engine.log.describe()
  }

  listEvents(query: { topic?: string; limit?: number; from?: StartPosition; where?: string }): Promise<EventSummary[]> {
    return this.#finder.list({ ...query, where: condition(query.where, this.#options.assembly.expressions) })
  }

  showEvent(query: { id: string }) {
    return this.#finder.story(query.id)
  }

  async *tailEvents(query: { topic?: string; where?: string }, signal: AbortSignal): AsyncIterable<EventSummary> {
    const where = condition(query.where, this.#options.assembly.expressions)
    const next = await this.#ends(this.#finder.sourceTopics(query.topic))
    while (!signal.aborted) {
      for (const logged of await this.#since(next)) if (!where || matches(where, logged)) yield summaryOf(logged)
      await this.#options.env.clock.sleep(TAIL_EVERY_MS, signal).catch(() => {})
    }
  }

  async #ends(topics: string[]): Promise<Map<string, Record<number, number>>> {
    const infos = await this.#options.engine.log.describe(topics)
    return new Map(
      infos.map(({ topic, partitions }) => [
        topic,
        Object.fromEntries(partitions.map(({ partition, end }) => [partition, end])),
      ]),
    )
  }

  /** Moves `next` past what it returns. */
  async #since(next: Map<string, Record<number, number>>): Promise<LoggedEvent[]> {
    const found: LoggedEvent[] = []
    for (const [topic, offsets] of next) {
      for await (const logged of this.#options.engine.log.read(topic, { from: { offsets } })) {
        found.push(logged)
        offsets[logged.partition] = logged.offset + 1
      }
    }
    return found.sort((a, b) => a.appendedAt - b.appendedAt)
  }

  async pauseFlow(query: { flow: string }): Promise<void> {
    if (this.#syncs.has(query.flow)) await this.#syncs.pause(query.flow, true)
    else await this.#control(this.#flow(query.flow, this.#syncs.names), true)
  }

  async resumeFlow(query: { flow: string }): Promise<void> {
    if (this.#syncs.has(query.flow)) await this.#syncs.pause(query.flow, false)
    else await this.#control(this.#flow(query.flow, this.#syncs.names), false)
  }

  async #control(flow: CompiledFlow, paused: boolean): Promise<void> {
    const { live, engine } = this.#options
    if (live) return paused ? live.pause(flow.name) : live.resume(flow.name)
    await engine.state.commit([{ key: new FlowKeys(flow.identity).control, value: { paused } }])
  }

  async listDeadLetters(query: { flow?: string; limit?: number; all?: boolean }): Promise<ListedLetter[]> {
    const listed = await this.#letters(query.flow)
    return listed
      .filter(({ resolution }) => query.all || resolution === 'open')
      .slice(0, query.limit ?? Number.POSITIVE_INFINITY)
  }

  redriveDeadLetters({ set, ...query }: LetterChoice & { set?: Fields }): Promise<number> {
    return this.#resolve(query, letter => this.#options.deadLetters.redrive(letter, set))
  }

  discardDeadLetters(query: LetterChoice): Promise<number> {
    return this.#resolve(query, letter => this.#options.deadLetters.discard(letter))
  }

  /** Of one flow or of all, newest first. */
  async #letters(name?: string): Promise<ListedLetter[]> {
    const flows = name ? [this.#flow(name)] : this.#options.assembly.flows.map(({ compiled }) => compiled)
    const lists = await Promise.all(flows.map(flow => this.#options.deadLetters.list(flow.identity)))
    return lists.flat().sort((a, b) => b.letter.lastAt.localeCompare(a.letter.lastAt))
  }

  async #resolve(query: LetterChoice, act: (letter: DeadLetter) => Promise<void>): Promise<number> {
    const chosen = chosenLetters(await this.#letters(query.flow), query)
    for (const letter of chosen) await act(letter)
    return chosen.length
  }

  trigger(query: LaunchPlace & { id?: string; data?: Fields }): Promise<EventSummary> {
    return this.#launcher.one(query)
  }

  triggerList(query: LaunchList): Promise<Launched> {
    return this.#launcher.list(query)
  }

  async triggerReport(query: { connector: string; object?: string; run: string }): Promise<LaunchReport> {
    const { assembly, engine } = this.#options
    const { topic } = this.#launcher.place(query)
    return launchReport(query.run, topic, { log: engine.log, state: engine.state, assembly })
  }

  replay(query: ReplayArguments, signal: AbortSignal): AsyncIterable<ReplayProgress> {
    const { engine, env, deadLetters, ledger, assembly, live } = this.#options
    const flow = this.#flow(query.flow)
    const where = condition(query.where, this.#options.assembly.expressions)
    const { log, state } = engine
    const deps = { flow, log, state, env, deadLetters, ledger, names: assembly.names, underWay: this.#underWay }
    return replay(deps, { ...query, where }, live ? AbortSignal.any([signal, live.ending]) : signal)
  }

  listConflicts(query: ConflictQuery) {
    return this.#syncs.listConflicts(query)
  }

  listLinks(query: LinkListQuery, signal: AbortSignal) {
    return this.#syncs.listLinks(query, signal)
  }

  showLink(query: LinkQuery) {
    return this.#syncs.showLink(query)
  }

  resolveConflict(query: ResolveQuery) {
    return this.#syncs.resolveConflict(query)
  }

  passGuard(query: PassQuery) {
    return this.#syncs.passGuard(query)
  }

  reconcile(query: ReconcileQuery, signal: AbortSignal): AsyncIterable<ReconcileProgress> {
    const { live } = this.#options
    return this.#syncs.reconcile(query, live ? AbortSignal.any([signal, live.ending]) : signal)
  }

  why(query: RecordQuery) {
    return this.#syncs.why(query)
  }

  whyNot(query: RecordQuery) {
    return this.#syncs.whyNot(query)
  }

  /** @param syncs what the command takes beside flows. */
  #flow(name: string, syncs: readonly string[] = []): CompiledFlow {
    const flows = this.#options.assembly.flows.map(({ compiled }) => compiled)
    const flow = flows.find(each => each.name === name)
    if (flow) return flow
    const known = [...flows.map(each => each.name), ...syncs]
    throw noSuch('FLOW', name, known, syncs.length > 0 ? 'flow or sync' : 'flow')
  }
}

/** Over `event` and `data`, the only names that a stored event has. @throws SyncError rejected `EXPRESSION_INVALID`. */
function condition(where: string | undefined, expressions: Expressions) {
  return where ? expressions.compile(where, { names: ['event', 'data'], result: 'boolean' }) : undefined
}
