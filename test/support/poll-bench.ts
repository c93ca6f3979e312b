import pino from 'pino'
import {
  type SandboxHttp,
  type SandboxHttpAnswer,
  type SandboxHttpCall,
  startSandboxHttp,
} from '../../sandbox/http/server.ts'
import type { HttpPollConfig } from '../../src/connectors/http-poll/config.ts'
import httpPoll from '../../src/connectors/http-poll.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import type { Environment } from '../../src/environment.ts'
import type { ChangeEvent } from '../../src/event.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { Poller } from '../../src/runtime/poller.ts'
import type { Coordinator } from '../../src/state/coordinator.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { settle, VirtualClock } from './virtual-clock.ts'

/** HTTP polls in virtual time against a real server: time stands still while a call is under way. */
export class PollBench {
  readonly clock: VirtualClock
  readonly env: Environment
  readonly server: SandboxHttp
  readonly state: StateStore
  readonly coordinator: Coordinator
  /** What came into the log, in order. */
  readonly appended: ChangeEvent[] = []
  /** Log lines of level warn and above, and of info. */
  readonly lines: string[] = []
  /** Called before events are appended; throws or aborts to fail there. */
  beforeAppend: () => void = () => {}
  readonly #underWay = new Set<Promise<unknown>>()

  private constructor(server: SandboxHttp, clock: VirtualClock) {
    this.server = server
    this.clock = clock
    const write = (line: string) => void this.lines.push(JSON.parse(line).msg)
    const real = createEnvironment({ logger: pino({ level: 'info' }, { write }) })
    this.env = {
      ...real,
      clock,
      random: () => 0.5,
      http: request => {
        const call = real.http(request)
        this.#underWay.add(call)
        const over = () => void this.#underWay.delete(call)
        call.then(over, over)
        return call
      },
    }
    this.state = memoryState({ clock })
    this.coordinator = localCoordinator({ clock })
  }

  static async start(
    answer: (call: SandboxHttpCall, query: URLSearchParams) => SandboxHttpAnswer,
    start = '2026-11-24T10:00:00.000Z',
  ): Promise<PollBench> {
    const clock = new VirtualClock(Date.parse(start))
    const server = await startSandboxHttp({
      now: () => clock.now(),
      answer: call => ({ ...answer(call, new URLSearchParams(call.query)) }),
    })
    return new PollBench(server, clock)
  }

  connector(config: Partial<HttpPollConfig>, name = 'usage') {
    return httpPoll.create({ url: `${this.server.url}/items`, every: '15m', ...config } as never, {
      name,
      env: this.env,
      state: this.state,
      coordinator: this.coordinator,
      compile: source => compileExpression(source),
      client: undefined,
      objects: [],
    })
  }

  /** A daemon's poller on this config. */
  run(config: Partial<HttpPollConfig>, instance = 'one') {
    const poller = new Poller({
      name: 'usage',
      connector: this.connector(config),
      append: async events => {
        this.beforeAppend()
        this.appended.push(...events)
      },
      state: this.state,
      coordinator: this.coordinator,
      env: this.env,
      instance,
    })
    const stopping = new AbortController()
    const ended = poller.run(stopping.signal)
    return {
      poller,
      stop: async () => {
        stopping.abort()
        await this.#quiet()
        await ended
      },
    }
  }

  /** Moves time, and waits for each call that is under way before it goes on. */
  async advance(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    for (;;) {
      await this.#quiet()
      const left = end - this.clock.now()
      if (left <= 0) return
      await this.clock.advance(Math.min(this.clock.nextTimerIn ?? left, left))
    }
  }

  async until(iso: string): Promise<void> {
    await this.advance(Date.parse(iso) - this.clock.now())
  }

  get calls(): string[] {
    return this.server.calls.map(({ path, query }) => (query === '' ? path : `${path}?${query}`))
  }

  get cursor(): Promise<unknown> {
    return this.state.get(['{connector/usage}:cursor']).then(([entry]) => entry?.value)
  }

  stop(): Promise<void> {
    return this.server.stop()
  }

  async #quiet(): Promise<void> {
    do {
      await Promise.allSettled(this.#underWay)
      await settle(4)
    } while (this.#underWay.size > 0)
  }
}
