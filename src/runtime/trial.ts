import { type Config, ConfigError } from '../config/config.ts'
import { inMemory } from '../config/in-memory.ts'
import { type Engine, openEngine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { actionOf, type ChangeEvent, type Fields } from '../event.ts'
import type { EventLog, LoggedEvent } from '../log/event-log.ts'
import { onAbort } from '../on-abort.ts'
import { type Assembly, assemble } from './assemble.ts'
import type { CompiledFlow } from './compiled-flow.ts'
import { DeadLetters } from './dead-letters.ts'
import { FlowRunner } from './flow-runner.ts'
import { Launcher, type LaunchPlace } from './launch.ts'
import { noSuch } from './no-such.ts'
import { Redactor } from './redact.ts'
import { allSteps } from './step.ts'
import { type Traced, traced } from './trace-steps.ts'
import { WriteLedger } from './write-ledger.ts'

export interface TrialRequest {
  readonly flow: string
  /** As the flow's `from` names it. Default: the first that it names. */
  readonly source?: string
  /** The record, or the body. */
  readonly data: Fields
  /** Of the record. */
  readonly id?: string
  /** Names of the fields that changed. */
  readonly changed?: readonly string[]
  /** What writes, which are not made, give to later steps, by id of the step. */
  readonly answers?: Fields
}

export interface Trial {
  readonly event: ChangeEvent
  /** `failed`: the live flow would give up on the event, or try it again. */
  readonly outcome: 'done' | 'skipped' | 'failed'
  /** Why it was skipped. */
  readonly reason?: string
  /** Why it failed. */
  readonly error?: { readonly code: string; readonly message: string }
  readonly steps: readonly Traced[]
}

/**
 * One event through a flow against the real systems, which are only read: every write ends with its plan. Log and state
 * are in memory, so that the trial neither knows nor changes what the flow has done before.
 * @throws ConfigError with what the systems say against the config; SyncError rejected `NO_SUCH_FLOW`,
 * `NO_SUCH_CONNECTOR`, `NO_SUCH_STEP`; whatever keeps a system from answering.
 */
export async function tryEvent(
  config: Config,
  request: TrialRequest,
  env: Environment,
  signal: AbortSignal,
): Promise<Trial> {
  const engine = await openEngine(inMemory(config), env)
  const assembly = assemble(config, engine, env, 'trial')
  try {
    const flow = assembly.flows.find(({ compiled }) => compiled.name === request.flow)
    if (!flow) throw noSuch('FLOW', request.flow, [...config.flows.keys()])
    const logged = eventOf(request, config, new Launcher({ assembly, log: engine.log, env }))
    if (!isRead(logged, flow.compiled)) {
      const reason = `the flow does not read ${logged.event.type} of ${logged.event.source.slice(1)}`
      return { event: logged.event, outcome: 'skipped', reason, steps: [] }
    }
    const steps = allSteps(flow.compiled.steps).map(({ id }) => id)
    const unknown = Object.keys(request.answers ?? {}).find(id => !steps.includes(id))
    if (unknown !== undefined) throw noSuch('STEP', unknown, steps)
    for (const system of flow.systems) await check(assembly, system, signal)
    return await run({ assembly, engine, env }, flow.compiled, logged, request.answers, signal)
  } finally {
    await assembly.close()
    await engine.close()
  }
}

async function check(assembly: Assembly, system: string, signal: AbortSignal): Promise<void> {
  const problems = await assembly.verify(system, signal)
  if (problems.length > 0) throw new ConfigError(problems)
}

function eventOf({ flow, source, data, id, changed }: TrialRequest, config: Config, launcher: Launcher): LoggedEvent {
  const { topic, event } = launcher.made({ ...placeOf(config, flow, source), data, ...(id !== undefined && { id }) })
  const whole = { ...event, ...(changed && { changed }) }
  return { topic, partition: 0, offset: 0, appendedAt: Date.parse(event.time), event: whole }
}

function placeOf(config: Config, flow: string, source: string | undefined): LaunchPlace {
  if (source === undefined) {
    const first = config.flows.get(flow)!.from.find(each => 'connector' in each)
    if (first) return first
    throw new SyncError(
      'rejected',
      'NO_SUCH_CONNECTOR',
      `flow ${flow} reads the dead letters of others alone: that cannot be tried`,
    )
  }
  const [connector = '', object, action] = source.split('.')
  return { connector, ...(object !== undefined && { object }), ...(action !== undefined && { action }) }
}

function isRead({ topic, event }: LoggedEvent, { topics }: CompiledFlow): boolean {
  return topics.has(topic) && (topics.get(topic)?.has(actionOf(event)) ?? true)
}

interface Parts {
  readonly assembly: Assembly
  readonly engine: Engine
  readonly env: Environment
}

async function run(
  { assembly, engine, env }: Parts,
  flow: CompiledFlow,
  logged: LoggedEvent,
  answers: Fields | undefined,
  signal: AbortSignal,
): Promise<Trial> {
  const { config, names: topics } = assembly
  const { log, state } = engine
  const steps: Traced[] = []
  const over = new AbortController()
  const tell = (each: Traced) => {
    steps.push(each)
    // The live flow may try it again; here the first failure says enough.
    if (each.outcome === 'failed') over.abort()
  }
  const redactor = new Redactor(config.secrets)
  const runner = new FlowRunner({
    flow: { ...flow, steps: traced(flow.steps, tell, answers) },
    log: onlyOf(logged),
    state,
    env,
    deadLetters: new DeadLetters({ log, state, clock: env.clock, topics, redactor, configHash: config.hash }),
    ledger: new WriteLedger(state),
    drainMs: 0,
    replay: {
      group: `${flow.group}.trial`,
      start: { [logged.topic]: 'earliest' },
      dryRun: true,
      allEffects: true,
      wants: () => true,
      ended: () => over.abort(),
    },
  })
  await runner.run(AbortSignal.any([signal, over.signal]))
  signal.throwIfAborted()
  return { event: logged.event, ...outcomeOf(runner, steps), steps }
}

function outcomeOf({ counters }: FlowRunner, steps: readonly Traced[]): Pick<Trial, 'outcome' | 'reason' | 'error'> {
  const error = steps.find(each => each.outcome === 'failed')?.error ?? counters.lastError
  if (error) return { outcome: 'failed', error: { code: error.code, message: error.message } }
  const [reason] = counters.skips.keys()
  if (reason !== undefined) return { outcome: 'skipped', reason }
  return { outcome: 'done' }
}

/** A log that holds the one event. */
function onlyOf(logged: LoggedEvent): Pick<EventLog, 'subscribe'> {
  return {
    async subscribe(_topics, _group, subscriber, signal) {
      const { topic, partition } = logged
      const owned = { topic, partition, owned: signal, finished: () => {} }
      await subscriber.assigned?.(owned)
      await subscriber.take(owned, [logged])
      await new Promise<void>(resolve => (signal.aborted ? resolve() : onAbort(signal, resolve)))
      await subscriber.revoked?.(owned)
    },
  }
}
