import type { ChangeEvent } from '../event.ts'

/** An event with its place in the log. */
export interface LoggedEvent {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** When the log took it in, milliseconds since the epoch; never decides order between records. */
  readonly appendedAt: number
  readonly event: ChangeEvent
}

export interface TopicSpec {
  readonly name: string
  /** Kafka only, fixed at creation; embedded and memory have one. Default 12. */
  readonly partitions?: number
  /** Milliseconds; -1 keeps for ever. Default 30 days. */
  readonly retentionMs?: number
  /** Keep only the newest event per key. Default false. */
  readonly compacted?: boolean
  /** Largest value in bytes. Default 1 MiB. */
  readonly maxRecordBytes?: number
}

/** Where a group or a read begins. `now` is the end at the time of the call. */
export type StartPosition =
  | 'now'
  | 'earliest'
  | { readonly time: number }
  | { readonly offsets: Readonly<Record<number, number>> }

/** A partition owned by one subscriber of a group at a time. */
export interface Partition {
  readonly topic: string
  readonly partition: number
  /** Aborted as soon as ownership is lost or given up: start no further call for events of this partition. */
  readonly owned: AbortSignal
  /**
   * This offset is done with. In any order; the lowest unfinished one is what gets committed, soon after and on
   * revocation. Ignored once `revoked` has resolved.
   */
  finished(offset: number): void
}

export interface Subscriber {
  /** Called before the first `take` of the partition. No event comes before it resolves. */
  assigned?(partition: Partition): Promise<void>
  /**
   * Resolves when the events are queued, not when they are done: that is the back-pressure.
   * Events of a partition come in offset order, from the group's committed offset on; after a crash some come again.
   */
  take(partition: Partition, events: readonly LoggedEvent[]): Promise<void>
  /**
   * Nothing below this offset comes any more during this ownership: its events were handed to `take`, or the log has
   * none there (retention, compaction, aborted transactions). Called when that position is first known and whenever it
   * has moved, and it reaches the end of the partition also where no event is left to tell of it. Never goes back.
   */
  passed?(partition: Partition, offset: number): void
  /**
   * Ownership ends when this resolves: finish or drop what is in flight. What was reported finished is then committed.
   * Called on rebalance and when the subscription's signal is aborted.
   */
  revoked?(partition: Partition): Promise<void>
}

export interface SubscribeOptions {
  /** For a partition on which the group has no committed offset; committed before the first event. Default `now`. */
  readonly start?: StartPosition
  /** A partition with this many taken and unfinished events gets no more until some finish. Default 1000. */
  readonly maxInFlight?: number
}

export interface ReadOptions {
  /** First event to return. Default earliest. */
  readonly from?: StartPosition
  /** Stop before this time or offset. Default: the end at the time of the call. */
  readonly to?: StartPosition
  readonly partition?: number
  readonly signal?: AbortSignal
}

export interface PartitionInfo {
  readonly partition: number
  /** Offset of the oldest event kept. */
  readonly begin: number
  /** Offset that the next event will get. */
  readonly end: number
}

export interface GroupInfo {
  readonly group: string
  /** Committed offset per partition: the next one to be processed. */
  readonly committed: Readonly<Record<number, number>>
  readonly lag: number
}

export interface TopicInfo {
  readonly topic: string
  readonly partitions: readonly PartitionInfo[]
  readonly groups: readonly GroupInfo[]
}

/**
 * A durable, ordered log of events in topics. Drivers: memory, embedded (SQLite), Kafka; one conformance suite for all.
 * Delivery is at least once; order holds per key.
 */
export interface EventLog {
  /** Creates topics that do not exist; an existing one keeps its partitions. */
  createTopics(topics: readonly TopicSpec[]): Promise<void>
  /**
   * P1: resolves once every event is on disk or acknowledged by the in-sync replicas. May duplicate, never lose.
   * Events of one call are stored in order.
   * @throws SyncError rejected `RECORD_TOO_LARGE`; retryable `LOG_UNAVAILABLE`; fatal `LOG_FULL` (disk or size limit).
   */
  append(topic: string, events: readonly ChangeEvent[]): Promise<void>
  /**
   * Runs until the signal is aborted; resolves when all partitions are revoked and their offsets committed.
   * No key is with two subscribers of a group at once.
   * @throws SyncError fatal when the log cannot go on.
   */
  subscribe(
    topics: readonly string[],
    group: string,
    subscriber: Subscriber,
    signal: AbortSignal,
    options?: SubscribeOptions,
  ): Promise<void>
  /**
   * Events of a range, in offset order per partition. Uses no group, commits nothing, ends at `to`, or at the end as it
   * was at the call when `to` lies beyond. Ends quietly when its signal is aborted.
   * @throws SyncError retryable `LOG_UNAVAILABLE`, also when the log is closed meanwhile: a part never passes for the whole.
   */
  read(topic: string, options?: ReadOptions): AsyncIterable<LoggedEvent>
  /** Events of the topic that the group has not finished, over all partitions. A group without offsets lags by all. */
  lag(topic: string, group: string): Promise<number>
  /** Partitions, offsets and groups of the given topics, or of all topics with the configured prefix. */
  describe(topics?: readonly string[]): Promise<TopicInfo[]>
  /**
   * Sets a group's committed offsets (absent: forgets the group). Only while nobody subscribes with it.
   * @throws SyncError rejected `GROUP_IN_USE`.
   */
  resetGroup(topic: string, group: string, offsets?: Readonly<Record<number, number>>): Promise<void>
  /** Idempotent; safe while reads and subscriptions are blocked, which then end. */
  close(): Promise<void>
}

export const DEFAULT_RETENTION_MS = 30 * 24 * 3_600_000
export const DEFAULT_MAX_RECORD_BYTES = 1024 * 1024
export const DEFAULT_PARTITIONS = 12
