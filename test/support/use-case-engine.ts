import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type KafkaService, startKafka } from '../../scripts/services/kafka.ts'
import { type RedisService, startRedis } from '../../scripts/services/redis.ts'
import type { Config } from '../../src/config/config.ts'
import { type Engine, openEngine } from '../../src/engine.ts'
import { systemClock } from '../../src/environment/clock.ts'
import type { Environment } from '../../src/environment.ts'
import type { EventLog, Partition, Subscriber } from '../../src/log/event-log.ts'
import { openKafkaLog } from '../../src/log/kafka/open.ts'
import type { Coordinator } from '../../src/state/coordinator.ts'
import { openRedis } from '../../src/state/redis/open.ts'
import { QUICK } from '../log/kafka-support.ts'
import type { EngineName } from './engines.ts'

/** On what the use cases run. */
export interface UseCaseEngine {
  readonly name: EngineName | 'Kafka and Redis'
  /** Sections `log` and `state` of the config; each call names a place that nothing is in. */
  yaml(folder: string): string
  open(config: Config, env: Environment): Promise<WatchedEngine>
}

/** An engine with word of whether it is at work: brokers take real time, in which the virtual one has to stand still. */
export interface WatchedEngine extends Engine {
  readonly isBusy: boolean
  /** A limit that is shared with others lets nothing through: it knows the real time only. */
  readonly isHeld: boolean
  /** Events that a flow has taken and not finished; undefined where lag tells of those alone. */
  readonly inFlight: number | undefined
  /** Changes with everything that is stored or taken; what is only looked at, as by a test that waits, is none. */
  readonly traffic: number
}

export const MEMORY: UseCaseEngine = {
  name: 'memory',
  yaml: () => 'log: { type: memory }\n',
  open: opened,
}

export const EMBEDDED: UseCaseEngine = {
  name: 'embedded',
  yaml: folder => `log: { type: embedded, folder: "${join(folder, 'data')}" }\n`,
  open: opened,
}

async function opened(config: Config, env: Environment): Promise<WatchedEngine> {
  return { ...(await openEngine(config, env)), isBusy: false, isHeld: false, inFlight: undefined, traffic: 0 }
}

/** Real servers, in real time. `start` before the tests, `stop` after them. */
export function kafkaAndRedis(): UseCaseEngine & { start(): Promise<void>; stop(): Promise<void> } {
  let [kafka, redis]: [KafkaService?, RedisService?] = []
  return {
    name: 'Kafka and Redis',
    async start() {
      ;[kafka, redis] = await Promise.all([startKafka(), startRedis()])
    },
    async stop() {
      await redis?.stop()
      await kafka?.stop()
    },
    yaml() {
      const prefix = `uc-${randomUUID().slice(0, 8)}`
      const brokers = JSON.stringify(kafka!.brokers)
      return `log: { type: kafka, brokers: ${brokers}, prefix: ${prefix}, partitions: 2, replication: 1 }
state: { type: redis, url: "${redis!.url}", prefix: "${prefix}" }\n`
    },
    open: (config, env) => openServers(config, { ...env, clock: systemClock }),
  }
}

/** As `openEngine` does it, but for how often groups commit: a test waits for each of them. */
async function openServers({ log, state }: Config, env: Environment): Promise<WatchedEngine> {
  if (log.type !== 'kafka' || state.type !== 'redis') throw new Error('the config was to name Kafka and Redis')
  const [opened, redis] = await Promise.all([openKafkaLog(log, { env, timings: QUICK }), openRedis(state, { env })])
  return watched({
    description: 'Kafka and Redis',
    shared: true,
    log: opened,
    state: redis.state,
    coordinator: redis.coordinator,
    async close() {
      await opened.close()
      await redis.close()
    },
  })
}

function watched(engine: Engine): WatchedEngine {
  const watch = new Watch()
  const { description, shared } = engine
  return {
    description,
    shared,
    log: watch.log(engine.log),
    state: watch.calls(engine.state),
    coordinator: watch.coordinator(engine.coordinator),
    close: () => engine.close(),
    get isBusy() {
      return watch.underWay > 0
    },
    get isHeld() {
      return systemClock.elapsed() < watch.heldUntil
    },
    get inFlight() {
      return watch.inFlight
    },
    get traffic() {
      return watch.traffic
    },
  }
}

const STORES = new Set(['append', 'commit'])

class Watch {
  underWay = 0
  heldUntil = 0
  inFlight = 0
  traffic = 0

  /** The same, with every promise that it gives counted. */
  calls<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_, key) => {
        const value = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (STORES.has(String(key))) this.traffic++
          return this.#counted(value.apply(target, args))
        }
      },
    })
  }

  coordinator(coordinator: Coordinator): Coordinator {
    const counted = this.calls(coordinator)
    const take: Coordinator['take'] = async (...args) => {
      const waitMs = await counted.take(...args)
      if (waitMs > 0) this.heldUntil = systemClock.elapsed() + waitMs
      return waitMs
    }
    return new Proxy(counted, { get: (_, key) => (key === 'take' ? take : Reflect.get(counted, key)) })
  }

  /** A subscription is under way until its first partition has said where it begins, and never again. */
  log(log: EventLog): EventLog {
    const counted = this.calls(log)
    return new Proxy(counted, {
      get: (_, key) => (key === 'subscribe' ? this.#subscribe(log) : Reflect.get(counted, key)),
    })
  }

  #subscribe(log: EventLog): EventLog['subscribe'] {
    return (topics, group, subscriber, signal, options) => {
      const begun = this.#begin()
      const partitions = new Map<Partition, Partition>()
      const seenAs = (partition: Partition) => {
        const seen = partitions.get(partition) ?? this.#partition(partition)
        partitions.set(partition, seen)
        return seen
      }
      const watching: Subscriber = {
        assigned: async partition => subscriber.assigned?.(seenAs(partition)),
        take: (partition, events) => {
          this.traffic++
          this.inFlight += events.length
          return subscriber.take(seenAs(partition), events)
        },
        passed(partition, offset) {
          begun()
          subscriber.passed?.(seenAs(partition), offset)
        },
        revoked: async partition => subscriber.revoked?.(seenAs(partition)),
      }
      return log.subscribe(topics, group, watching, signal, options).finally(begun)
    }
  }

  #partition(partition: Partition): Partition {
    const finished = (offset: number) => {
      this.inFlight--
      partition.finished(offset)
    }
    return { topic: partition.topic, partition: partition.partition, owned: partition.owned, finished }
  }

  #counted(result: unknown): unknown {
    if (!(result instanceof Promise)) return result
    const over = this.#begin()
    result.then(over, over)
    return result
  }

  #begin(): () => void {
    let isOver = false
    this.underWay++
    return () => {
      if (isOver) return
      isOver = true
      this.underWay--
    }
  }
}
