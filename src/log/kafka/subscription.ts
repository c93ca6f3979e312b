import type { Logger } from 'pino'
import type { Clock } from '../../environment.ts'
import type { StartPosition, SubscribeOptions, Subscriber } from '../event-log.ts'
import type { Assignment } from './assignment.ts'
import type { KafkaClient } from './client.ts'
import type { KafkaControl } from './control.ts'
import { GroupMember } from './group-member.ts'
import type { Offsets } from './group-offsets.ts'
import type { Cluster } from './kafkajs-internals.ts'
import { logError } from './log-error.ts'
import { resolvePosition } from './position.ts'
import type { RegistryFormat } from './registry.ts'
import { type End, Tenure } from './tenure.ts'
import { type KafkaTimings, within } from './timings.ts'
import type { KafkaTopics } from './topics.ts'

const DEFAULT_MAX_IN_FLIGHT = 1_000
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 5_000
/** Failed joins in a row after which the connections are made anew. */
const JOIN_TRIES = 5

export interface SubscriptionContext {
  readonly client: KafkaClient
  readonly control: KafkaControl
  readonly topics: KafkaTopics
  readonly registry: RegistryFormat | undefined
  readonly clock: Clock
  readonly timings: KafkaTimings
  readonly logger: Logger
}

/** A group's member for as long as the signal allows: joins, owns, gives up, and starts anew after whatever fails. */
export class KafkaSubscription {
  readonly #context: SubscriptionContext
  readonly #topics: readonly string[]
  readonly #group: string
  readonly #subscriber: Subscriber
  readonly #start: StartPosition
  readonly #maxInFlight: number
  readonly #logger: Logger
  #starts: Promise<Map<string, Offsets>> | undefined
  #failures = 0

  constructor(
    context: SubscriptionContext,
    topics: readonly string[],
    group: string,
    subscriber: Subscriber,
    options: SubscribeOptions,
  ) {
    this.#context = context
    this.#topics = [...new Set(topics)]
    this.#group = group
    this.#subscriber = subscriber
    this.#start = options.start ?? 'now'
    this.#maxInFlight = options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT
    this.#logger = context.logger.child({ group })
  }

  /** Resolves when stopped, with all revoked and committed. @throws the subscriber's own error; fatal SyncError. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        return await this.#session(stop)
      } catch (thrown) {
        if (thrown instanceof SubscriberFailed) throw thrown.cause
        const error = logError(thrown, this.#context.client.at(`group "${this.#group}" cannot go on`))
        if (error.kind === 'fatal') throw error
        this.#logger.warn({ err: error }, 'subscription starts anew')
        await this.#pause(stop)
      }
    }
  }

  /** One set of connections. */
  async #session(stop: AbortSignal): Promise<void> {
    const { client, timings } = this.#context
    const cluster = client.newCluster()
    const member = new GroupMember(cluster, this.#group, this.#topics, timings)
    try {
      await this.#connect(cluster)
      const starts = await this.#startOffsets()
      for (;;) {
        const assignment = await this.#join(member, stop)
        if (!assignment || stop.aborted) return
        const end = await this.#own(cluster, member, assignment, starts, stop)
        if (end.why === 'stopped') return
        this.#logger.debug({ why: end.why }, 'partitions given up')
        if (end.why === 'failed') throw new SubscriberFailed(end.error)
        if (end.why === 'broken') throw end.error
        if (end.why === 'expelled') member.forget()
      }
    } finally {
      // Without it the group would wait for us until our session is over.
      await this.#bounded('leaving the group', member.leave()).catch(error =>
        this.#logger.debug({ err: error }, 'left the group without saying so'),
      )
      await cluster.disconnect().catch(() => {})
    }
  }

  async #connect(cluster: Cluster): Promise<void> {
    await this.#context.topics.create(this.#topics.map(name => ({ name })))
    const connected = async () => {
      await cluster.connect()
      await cluster.addMultipleTargetTopics(this.#topics)
    }
    await this.#bounded('connecting', connected())
  }

  /** Undefined when stopped meanwhile. */
  async #join(member: GroupMember, stop: AbortSignal): Promise<Assignment | undefined> {
    const { clock, timings } = this.#context
    const graceMs = Math.min(timings.sessionMs / 2, 3 * timings.heartbeatMs)
    for (let attempt = 1; !stop.aborted; attempt++) {
      try {
        const joined = await stoppable(member.join(), stop, clock, graceMs)
        this.#failures = 0
        return joined
      } catch (thrown) {
        const error = logError(thrown, this.#context.client.at(`group "${this.#group}" cannot be joined`))
        if (error.kind === 'fatal' || attempt >= JOIN_TRIES) throw error
        this.#logger.debug({ err: error, attempt }, 'joining again')
        await clock.sleep(FIRST_PAUSE_MS * attempt, stop).catch(() => {})
      }
    }
    return undefined
  }

  async #own(
    cluster: Cluster,
    member: GroupMember,
    assignment: Assignment,
    starts: Map<string, Offsets>,
    stop: AbortSignal,
  ): Promise<End> {
    const { clock, timings, registry, control } = this.#context
    const places = await this.#bounded('fetching offsets', this.#placesOf(member, assignment, starts))
    const context = {
      cluster,
      member,
      topics: this.#topics,
      subscriber: this.#subscriber,
      maxInFlight: this.#maxInFlight,
      clock,
      timings,
      logger: this.#logger,
      fetch: { waitMs: timings.fetchWaitMs, registry },
      begin: async ({ topic, partition }: { topic: string; partition: number }) => {
        this.#logger.warn({ topic, partition }, 'the position is no longer in the log: going on with the oldest event')
        return (await control.offsets(topic, 'begin')).get(partition) ?? 0
      },
    }
    return new Tenure(context, places).run(stop)
  }

  /** P2: where the group has no offset yet, its start is committed before the first event comes. */
  async #placesOf(member: GroupMember, assignment: Assignment, starts: Map<string, Offsets>) {
    const committed = await member.committed(assignment)
    const fresh = new Map<string, Offsets>()
    const places = [...assignment].flatMap(([topic, partitions]) =>
      partitions.map(partition => {
        const known = committed.get(topic)?.get(partition)
        // A partition that was added since we began: nothing of it may be lost.
        const offset = known ?? starts.get(topic)?.get(partition) ?? 0
        if (known === undefined) fresh.set(topic, (fresh.get(topic) ?? new Map()).set(partition, offset))
        return { topic, partition, committed: offset }
      }),
    )
    if (fresh.size > 0) {
      const standing = await member.commit(fresh)
      if (standing !== 'member') throw new Error(`the start could not be committed: ${standing}`)
    }
    return places
  }

  /** As at the time of the call, however often the session is made anew. */
  #startOffsets(): Promise<Map<string, Offsets>> {
    this.#starts ??= this.#resolveStarts()
    this.#starts.catch(() => {
      this.#starts = undefined
    })
    return this.#starts
  }

  async #resolveStarts(): Promise<Map<string, Offsets>> {
    const { control } = this.#context
    const found = this.#topics.map(
      async (topic): Promise<[string, Offsets]> => [topic, await resolvePosition(control, topic, this.#start, 'begin')],
    )
    return new Map(await Promise.all(found))
  }

  async #pause(stop: AbortSignal): Promise<void> {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10))
    await this.#context.clock.sleep(pause, stop).catch(() => {})
  }

  #bounded<T>(doing: string, work: Promise<T>): Promise<T> {
    const { client, clock, timings } = this.#context
    return within(clock, timings.requestMs, client.at(`group "${this.#group}", ${doing}`), work)
  }
}

/** Carries the subscriber's error out of what is tried again. */
class SubscriberFailed extends Error {
  constructor(cause: unknown) {
    super('the subscriber failed', { cause })
  }
}

/**
 * A join waits for members that have much to give up. When stopped meanwhile it gets a short time to end, so that we can
 * leave in good order; undefined when it did not.
 */
async function stoppable<T>(
  joining: Promise<T>,
  stop: AbortSignal,
  clock: Clock,
  graceMs: number,
): Promise<T | undefined> {
  const timer = new AbortController()
  const givenUp = new Promise<undefined>(resolve => {
    const wait = () =>
      void clock.sleep(graceMs, timer.signal).then(
        () => resolve(undefined),
        () => {},
      )
    if (stop.aborted) wait()
    else stop.addEventListener('abort', wait, { once: true, signal: timer.signal })
  })
  try {
    return await Promise.race([joining, givenUp])
  } finally {
    timer.abort()
    joining.catch(() => {})
  }
}
