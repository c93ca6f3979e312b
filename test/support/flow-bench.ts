import pino from 'pino'
import type { Environment } from '../../src/environment.ts'
import type { ChangeEvent, Fields } from '../../src/event.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { memoryLog } from '../../src/log/memory.ts'
import { Batcher } from '../../src/runtime/batcher.ts'
import { Claims } from '../../src/runtime/claims.ts'
import type { CompiledFlow } from '../../src/runtime/compiled-flow.ts'
import { DeadLetters } from '../../src/runtime/dead-letters.ts'
import { FlowRunner } from '../../src/runtime/flow-runner.ts'
import { Redactor } from '../../src/runtime/redact.ts'
import type { ActionStep, EachStep, RunningSystem, Step } from '../../src/runtime/step.ts'
import { TopicNames } from '../../src/runtime/topics.ts'
import { WriteLedger } from '../../src/runtime/write-ledger.ts'
import type { Effect } from '../../src/sinks/sink.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { FakeSystem } from './fake-system.ts'
import { VirtualClock } from './virtual-clock.ts'

export const TOPIC = 'test.form.received'

/** A flow on the memory engine in virtual time, with a fake system behind it. */
export class FlowBench {
  readonly clock: VirtualClock
  readonly system = new FakeSystem()
  readonly env: Environment
  readonly log: EventLog
  readonly state: StateStore
  readonly names = new TopicNames('test')
  readonly deadLetters: DeadLetters
  readonly ledger: WriteLedger
  #ids = 0

  constructor(engine?: { log: EventLog; state: StateStore }, clock = new VirtualClock()) {
    this.clock = clock
    this.env = {
      clock: this.clock,
      random: () => 0.5,
      uuid: () => `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, '0')}`,
      http: () => Promise.reject(new Error('no network here')),
      logger: pino({ level: 'silent' }),
    }
    this.log = engine?.log ?? memoryLog({ clock: this.clock })
    this.state = engine?.state ?? memoryState({ clock: this.clock })
    this.ledger = new WriteLedger(this.state)
    this.deadLetters = new DeadLetters({
      log: this.log,
      state: this.state,
      clock: this.clock,
      topics: this.names,
      redactor: new Redactor(['canary-secret-value']),
      configHash: 'test',
    })
  }

  running(
    options: { echoes?: boolean; batch?: number; plan?: number; shared?: boolean; patienceMs?: number } = {},
  ): RunningSystem {
    const patience = options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }
    const actions = Object.fromEntries(
      (['read', 'safe', 'keyed', 'lookup', 'blind'] as Effect[]).map(effect => [
        effect,
        { effect, ...(options.batch && { batch: { deliver: options.batch, plan: options.plan ?? 200, ...patience } }) },
      ]),
    )
    const claims = new Claims({
      coordinator: localCoordinator({ clock: this.clock }),
      clock: this.clock,
      random: () => 0.5,
      owner: 'bench',
      shared: options.shared ?? false,
    })
    const batcher = new Batcher({
      system: 'fake',
      sink: this.system,
      actions: { ...actions, find: { effect: 'read' } },
      env: this.env,
      claims,
      signal: new AbortController().signal,
    })
    return { name: 'fake', batcher, echoes: options.echoes ?? false, failed: () => {} }
  }

  /** A step that does an effect of the class, with the event's data as arguments. */
  effect(effect: Effect, over: Partial<ActionStep> = {}): ActionStep {
    return {
      kind: 'action',
      id: effect,
      verb: effect,
      system: this.running(),
      action: effect === 'read' ? 'find' : effect,
      spec: { effect },
      effect,
      args: scope => scope.data as Fields,
      onUnknown: 'hold',
      last: false,
      ...over,
    }
  }

  /** An `each` over what the fake system gives page by page. */
  each(steps: readonly Step[], over: Partial<EachStep> = {}): EachStep {
    return {
      kind: 'each',
      id: 'people',
      verb: 'each',
      over: this.effect('read', { id: 'find', spec: { effect: 'read', paged: true } }),
      item: 'person',
      key: compileExpression('person.id'),
      concurrency: 4,
      onFailure: 'next',
      steps,
      ...over,
    }
  }

  flow(steps: readonly Step[], over: Partial<CompiledFlow> = {}): CompiledFlow {
    return {
      name: 'leads',
      identity: 'leads',
      group: 'test.flow.leads',
      topics: new Map([[TOPIC, undefined]]),
      redriveTopic: this.names.redrive('leads'),
      start: 'earliest',
      concurrency: 1000,
      rememberMs: 35 * 24 * 3_600_000,
      steps,
      echoSystems: new Map(),
      ...over,
    }
  }

  runner(flow: CompiledFlow): FlowRunner {
    const { log, state, env, deadLetters, ledger } = this
    return new FlowRunner({ flow, log, state, env, deadLetters, ledger, drainMs: 5000 })
  }

  /** Starts the flow; `stop` drains it and gives what it ended with. */
  start(flow: CompiledFlow): { runner: FlowRunner; stop: () => Promise<unknown>; ended: Promise<unknown> } {
    const runner = this.runner(flow)
    const stopping = new AbortController()
    const ended = runner.run(stopping.signal).then(
      () => undefined,
      error => error,
    )
    return {
      runner,
      ended,
      stop: async () => {
        stopping.abort()
        await this.clock.advance(0)
        return ended
      },
    }
  }

  event(key: string, data: Fields = {}, over: Partial<ChangeEvent> = {}): ChangeEvent {
    return {
      id: this.env.uuid(),
      type: 'received.received',
      source: '/form',
      subject: `received/${key}`,
      time: new Date(this.clock.now()).toISOString(),
      key,
      data,
      ...over,
    }
  }

  /** Events that the flow has not finished. */
  lag(): Promise<number> {
    return this.log.lag(TOPIC, 'test.flow.leads')
  }
}
