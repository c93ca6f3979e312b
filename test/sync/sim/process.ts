import pino from 'pino'
import type { SyncConfig } from '../../../src/config/config.ts'
import type { Clock, Environment } from '../../../src/environment.ts'
import type { EventLog, Partition, Subscriber } from '../../../src/log/event-log.ts'
import type { Coordinator } from '../../../src/state/coordinator.ts'
import type { StateStore } from '../../../src/state/state-store.ts'
import type { Peers } from '../../../src/sync/mapping.ts'
import type { Peer } from '../../../src/sync/peer.ts'
import { SyncRunner } from '../../../src/sync/sync-runner.ts'
import { Life } from '../../support/crashable.ts'
import type { Random } from './random.ts'

const LOGGER = pino({ level: 'silent' })
const NEVER = new Promise<never>(() => {})
/** A process that does not speak for so long loses its partitions. */
const SESSION_MS = 30_000

export interface Surroundings {
  readonly config: SyncConfig
  readonly topics: { readonly left: string; readonly right: string }
  readonly log: EventLog
  readonly state: StateStore
  readonly coordinator: Coordinator
  readonly clock: Clock
  readonly random: Random
  /** @param clock stands still while the process is paused. */
  peersOf(owner: string, clock: Clock): Peers
}

export interface Death {
  readonly dieAt?: number
  readonly afterEffect?: boolean
}

/** One process with the shipped engine in it. It can be stopped, paused, and killed at any of its awaits. */
export class SimProcess {
  readonly owner: string
  readonly life: Life
  readonly runner: SyncRunner
  ended: Promise<void> = Promise.resolve()
  failure: unknown
  readonly #around: Surroundings
  readonly #stop = new AbortController()
  #resumed: Promise<void> | undefined
  #resume: (() => void) | undefined
  #queued: (() => void)[] = []
  #seat: AbortController | undefined
  readonly #open = new Set<string>()
  readonly #counted = new WeakMap<Partition, Partition>()

  constructor(owner: string, around: Surroundings, { dieAt, afterEffect }: Death = {}) {
    this.owner = owner
    this.#around = around
    this.life = new Life({ log: around.log, state: around.state }, dieAt, afterEffect)
    const clock = this.#clock()
    const random = around.random.fork(owner)
    const env: Environment = {
      clock,
      random: () => random.next(),
      uuid: () => `uuid-${owner}-${random.between(0, 1e9)}`,
      http: () => Promise.reject(new Error('no network here')),
      logger: LOGGER,
    }
    const peers = around.peersOf(owner, clock)
    this.runner = new SyncRunner({
      config: around.config,
      group: 'sim',
      topics: around.topics,
      peers: { left: this.#peer(peers.left), right: this.#peer(peers.right) },
      compile: source => {
        throw new Error(`no expressions here: ${source}`)
      },
      log: this.#log(),
      state: this.#state(),
      coordinator: this.#coordinator(),
      env,
      owner,
      drainMs: 5000,
    })
  }

  get dead(): boolean {
    return this.life.dead
  }

  get paused(): boolean {
    return this.#resumed !== undefined
  }

  get gone(): boolean {
    return this.dead || this.#stop.signal.aborted
  }

  /** Events that it has taken and not reported as finished. */
  get unfinished(): number {
    return this.gone ? 0 : this.#open.size
  }

  start(): void {
    this.ended = this.runner.run(this.#stop.signal).catch(error => {
      this.failure = error
    })
  }

  stop(): void {
    this.#stop.abort()
  }

  die(): void {
    this.life.die()
    this.resume()
  }

  pause(): void {
    if (this.paused || this.dead) return
    this.#resumed = new Promise(resolve => {
      this.#resume = resolve
    })
    this.#around.clock.after(SESSION_MS, () => {
      if (this.paused) this.#seat?.abort()
    })
  }

  resume(): void {
    const resume = this.#resume
    this.#resumed = undefined
    this.#resume = undefined
    resume?.()
    const queued = this.#queued
    this.#queued = []
    for (const fire of queued) fire()
  }

  async #gated<T>(call: () => Promise<T>): Promise<T> {
    if (this.#resumed) await this.#resumed
    try {
      const result = await call()
      if (this.#resumed) await this.#resumed
      return this.dead ? NEVER : result
    } catch (error) {
      if (this.#resumed) await this.#resumed
      if (this.dead) return NEVER
      throw error
    }
  }

  #clock(): Clock {
    const { clock } = this.#around
    const after: Clock['after'] = (ms, fire) =>
      clock.after(ms, () => {
        if (this.dead) return
        if (this.paused) this.#queued.push(fire)
        else fire()
      })
    return {
      now: () => clock.now(),
      elapsed: () => clock.elapsed(),
      after,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason)
          const abort = () => {
            cancel()
            reject(signal!.reason)
          }
          const cancel = after(ms, () => {
            signal?.removeEventListener('abort', abort)
            resolve()
          })
          signal?.addEventListener('abort', abort, { once: true })
        }),
    }
  }

  #state(): StateStore {
    const { state } = this.life
    return {
      get: keys => this.#gated(() => state.get(keys)),
      commit: writes => this.#gated(() => state.commit(writes)),
      scan: prefix => state.scan(prefix),
      close: async () => {},
    }
  }

  #coordinator(): Coordinator {
    const { coordinator } = this.#around
    return {
      acquire: (...args) => this.#gated(() => this.life.call(() => coordinator.acquire(...args))),
      take: (...args) => coordinator.take(...args),
      block: (...args) => coordinator.block(...args),
      inspect: (...args) => coordinator.inspect(...args),
      close: async () => {},
    }
  }

  #peer(peer: Peer): Peer {
    const call = <T>(effect: () => Promise<T>) => this.#gated(() => this.life.call(effect))
    return new Proxy(peer, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        if (!['list', 'get', 'find', 'write'].includes(String(name))) return value.bind(target)
        return (...args: unknown[]) => call(() => value.apply(target, args))
      },
    })
  }

  #log(): EventLog {
    const { log } = this.life
    return {
      ...log,
      subscribe: async (topics, group, subscriber, signal, options) => {
        while (!signal.aborted) {
          const seat = new AbortController()
          this.#seat = seat
          const both = AbortSignal.any([signal, seat.signal])
          await log.subscribe(topics, group, this.#pausable(subscriber), both, options)
          if (this.#resumed) await this.#resumed
          if (this.dead) return NEVER
        }
      },
    }
  }

  /** The brokers do not wait for a process that is silent. */
  #pausable(subscriber: Subscriber): Subscriber {
    return {
      // What is dead must let go of its seat.
      assigned: partition =>
        Promise.race([
          this.#gated(async () => subscriber.assigned?.(this.#countedOf(partition))),
          aborted(partition.owned),
        ]),
      take: (partition, events) =>
        this.#gated(() => {
          for (const { offset } of events) this.#open.add(`${partition.topic} ${offset}`)
          return subscriber.take(this.#countedOf(partition), events)
        }),
      revoked: async partition => {
        const revoke = async () => {
          await subscriber.revoked?.(this.#countedOf(partition))
          for (const name of [...this.#open]) if (name.startsWith(`${partition.topic} `)) this.#open.delete(name)
        }
        if (!this.paused) await revoke()
        // It learns of it when it wakes up.
        else void this.#resumed!.then(revoke)
      },
    }
  }

  #countedOf(partition: Partition): Partition {
    const known = this.#counted.get(partition)
    if (known) return known
    const made: Partition = {
      topic: partition.topic,
      partition: partition.partition,
      owned: partition.owned,
      finished: offset => {
        this.#open.delete(`${partition.topic} ${offset}`)
        partition.finished(offset)
      },
    }
    this.#counted.set(partition, made)
    return made
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
