import type { EventLog, Partition, Subscriber } from '../../src/log/event-log.ts'
import type { StateStore } from '../../src/state/state-store.ts'

const NEVER = new Promise<never>(() => {})

/**
 * One life of a process on a log and a state that outlive it. At the n-th call, before or after it took effect, the
 * process is gone: no call of it ever returns, and what it had not committed is lost.
 */
export class Life {
  readonly log: EventLog
  readonly state: StateStore
  readonly #dying = new AbortController()
  readonly #died = new Promise<void>(resolve => this.#dying.signal.addEventListener('abort', () => resolve()))
  readonly #dieAt: number
  readonly #afterEffect: boolean
  readonly #seen = new WeakMap<Partition, Partition>()
  readonly #report = new Map<string, () => void>()
  #calls = 0

  constructor(engine: { log: EventLog; state: StateStore }, dieAt = Number.POSITIVE_INFINITY, afterEffect = false) {
    this.#dieAt = dieAt
    this.#afterEffect = afterEffect
    const { log, state } = engine
    this.state = {
      get: keys => this.call(() => state.get(keys)),
      commit: writes => this.call(() => state.commit(writes)),
      scan: prefix => state.scan(prefix),
      close: async () => {},
    }
    this.log = {
      ...bound(log),
      append: (topic, events) => this.call(() => log.append(topic, events)),
      subscribe: (topics, group, subscriber, signal, options) =>
        log.subscribe(topics, group, this.#mortal(subscriber), AbortSignal.any([signal, this.#dying.signal]), options),
    }
  }

  get dead(): boolean {
    return this.#dying.signal.aborted
  }

  /** A step that the process takes; the outside world's calls go through here too. */
  async call<T>(effect: () => Promise<T> | T): Promise<T> {
    if (this.dead) return NEVER
    const last = ++this.#calls >= this.#dieAt
    if (last && !this.#afterEffect) this.die()
    if (this.dead) return NEVER
    const result = await effect()
    if (last) this.die()
    return this.dead ? NEVER : result
  }

  die(): void {
    this.#dying.abort()
  }

  #mortal(subscriber: Subscriber): Subscriber {
    return {
      // The log notices that the process is gone.
      assigned: partition => Promise.race([subscriber.assigned?.(this.#forgetful(partition)), this.#died]),
      take: (partition, events) =>
        this.dead ? Promise.resolve() : subscriber.take(this.#forgetful(partition), events),
      revoked: async partition => {
        if (this.dead) return
        await subscriber.revoked?.(partition)
        this.#report.get(partition.topic)?.()
      },
    }
  }

  /** Offsets reach the log late: every third report waits for the next one, and is lost with the process. */
  #forgetful(partition: Partition): Partition {
    const known = this.#seen.get(partition)
    if (known) return known
    const made = this.#makeForgetful(partition)
    this.#seen.set(partition, made)
    return made
  }

  #makeForgetful(partition: Partition): Partition {
    const waiting: number[] = []
    let reports = 0
    const report = () => {
      if (!this.dead) for (const done of waiting.splice(0)) partition.finished(done)
    }
    this.#report.set(partition.topic, report)
    return {
      ...partition,
      owned: AbortSignal.any([partition.owned, this.#dying.signal]),
      topic: partition.topic,
      partition: partition.partition,
      finished: offset => {
        if (this.dead) return
        waiting.push(offset)
        if (++reports % 3 > 0) report()
      },
    }
  }
}

function bound(log: EventLog): EventLog {
  return {
    createTopics: topics => log.createTopics(topics),
    append: (topic, events) => log.append(topic, events),
    subscribe: (...args) => log.subscribe(...args),
    read: (topic, options) => log.read(topic, options),
    lag: (topic, group) => log.lag(topic, group),
    describe: topics => log.describe(topics),
    resetGroup: (...args) => log.resetGroup(...args),
    close: () => log.close(),
  }
}
