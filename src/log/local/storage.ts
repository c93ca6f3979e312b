import type { WireEvent } from '../../cloudevents.ts'
import type { LoggedEvent, TopicSpec } from '../event-log.ts'

/**
 * What a log inside this process is kept in. Each topic has one partition, 0. Reading is synchronous: memory and SQLite
 * both are, and a promise per page would only cost.
 */
export interface LocalStorage {
  topic(name: string): LocalTopic | undefined
  topics(): Iterable<LocalTopic>
  /** Creates the topic, or gives an existing one the settings named in `spec`. */
  create(spec: TopicSpec): Promise<LocalTopic>
  /** Resolves when everything handed over is durable or refused; nothing is accepted afterwards. */
  close(): Promise<void>
}

export interface LocalTopic {
  readonly name: string
  readonly maxRecordBytes: number
  /** Offset of the oldest event kept; equals `end` when there is none. */
  readonly begin: number
  /** Offset that the next event will get. */
  readonly end: number
  /** Offset of the first event appended at `time` or later; `end` when there is none. */
  offsetAt(time: number): number
  /** Up to `count` events from offset `from` on, below `to`; fewer when they are large. Empty: there are none. */
  page(from: number, to: number, count: number): LoggedEvent[]
  /** P1: resolves once durable. Events of one call are stored in order. */
  append(records: readonly WireEvent[]): Promise<void>
  committed(group: string): number | undefined
  groups(): Iterable<readonly [group: string, offset: number]>
  /** undefined forgets the group. */
  commit(group: string, offset: number | undefined): Promise<void>
  /** Calls `wake` after events became readable, until the returned function is called. */
  onAppend(wake: () => void): () => void
}

export const PARTITION = 0
export const PAGE_EVENTS = 500
/** A page ends early beyond this, so that a page of large records does not fill the memory. */
export const PAGE_BYTES = 4 * 1024 * 1024
