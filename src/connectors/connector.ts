import type { ChangeEvent } from '../event.ts'

export interface IncomingRequest {
  readonly method: string
  /** Path as requested, without the query. */
  readonly path: string
  readonly query: Readonly<Record<string, string | string[]>>
  /** The query as received, without the `?`, for signatures that cover it. Absent: none. */
  readonly rawQuery?: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Exactly the bytes received; signatures are over these. */
  readonly body: Buffer
  readonly receivedAt: number
}

export interface Received {
  /** To be appended before the answer. Empty: accepted and deliberately dropped (position moves, pings, honeypot). */
  readonly events: readonly ChangeEvent[]
  /** Why nothing or less came of it, for the counters: `position-only`, `honeypot`. */
  readonly dropped?: string
  /** Called once the events are durable, for what the connector may only then remember. Does not throw, takes no time. */
  readonly appended?: () => void
  /** Default 202 with `{ "accepted": <number> }`. */
  readonly response?: {
    readonly status: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: unknown
  }
}

/** What the HTTP server needs to know before a connector sees a request. */
export interface Route {
  readonly path: string
  readonly methods: readonly string[]
  readonly bodyLimitBytes: number
  /** Origins allowed to post from a browser; absent: no CORS headers. */
  readonly cors?: readonly string[]
}

export interface Page {
  readonly events: readonly ChangeEvent[]
  /** Stored only after the page's events are in the log. JSON. */
  readonly cursor: unknown
  /** For the progress line: what was read so far, and of how many when known. */
  readonly seen?: number
  readonly total?: number
  /** Changed records that deliberately give no event, by reason: `position-only`. */
  readonly dropped?: Readonly<Record<string, number>>
}

/** A source of events: receives, polls, or both. A poll is the net under webhooks that nobody retries. */
export interface Connector {
  /** Objects that it can emit; each has its topic `<prefix>.<connector>.<object>`. */
  readonly objects: readonly string[]
  readonly route?: Route
  /** Milliseconds between the end of one poll and the start of the next. */
  readonly pollEveryMs?: number
  /**
   * Verify over the raw body, then parse.
   * @throws SyncError rejected with `status` 4xx in the options and a reason that tells the sender what to mend.
   */
  receive?(request: IncomingRequest): Promise<Received>
  /** One complete walk from the cursor (undefined at the first). Never runs twice at once; one instance polls. */
  poll?(cursor: unknown, signal: AbortSignal): AsyncIterable<Page>
  /**
   * Listens until aborted, and calls `poke` when a poll would find something: it then comes at once. What it heard may be
   * lost, because the poll finds it again; so every instance listens. Never rejects.
   */
  listen?(poke: () => void, signal: AbortSignal): Promise<void>
  /** Can it work now? Also the place to register a webhook. @throws SyncError with what to do. */
  check?(signal: AbortSignal): Promise<void>
  close?(): Promise<void>
}
