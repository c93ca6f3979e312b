import type { ChangeEvent, Fields } from '../event.ts'
import type { Shape } from '../shape.ts'
import type { Write } from '../state/state-store.ts'

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
  /**
   * What the connector remembers of these events, under keys of its own tag `{connector/<name>}`. Stored with the cursor,
   * both or neither: what it says was seen is in the log, and what is in the log it says.
   */
  readonly notes?: readonly Write[]
  /** For the progress line: what was read so far, and of how many when known. */
  readonly seen?: number
  readonly total?: number
  /** Changed records that deliberately give no event, by reason: `position-only`. */
  readonly dropped?: Readonly<Record<string, number>>
}

/** One run of a poll that has a schedule. Times in milliseconds since 1970. */
export interface PollRun {
  /** What the schedule said. */
  readonly dueAt: number
  readonly startedAt: number
  /** Absent while it goes on, or waits for another try. */
  readonly endedAt?: number
  readonly pages: number
  readonly items: number
  readonly events: number
  /** Runs that were due before it while nothing was running, and that it stands for. */
  readonly missed?: number
  /** Runs that fell due while it went on, and were left out. */
  readonly skipped?: number
  /** What it failed with last, and is tried again after. */
  readonly error?: { readonly code: string; readonly message: string }
}

export interface PollRuns {
  readonly current?: PollRun
  /** The last one that was complete. */
  readonly last?: PollRun
}

/** When a connector polls, and what its cursor says of that. */
export interface PollSchedule {
  /** When the next poll is due, in milliseconds since 1970, by the stored cursor. In the past: at once. */
  nextAt(cursor: unknown): number
  runs(cursor: unknown): PollRuns
}

/** What one flow reads of a connector. */
export interface SourceUse {
  readonly object: string
  readonly action?: string
  problem(message: string, suggestion?: string): void
}

/** A source of events: receives, polls, or both. A poll is the net under webhooks that nobody retries. */
export interface Connector {
  /** Objects that it can emit; each has its topic `<prefix>.<connector>.<object>`. */
  readonly objects: readonly string[]
  readonly route?: Route
  /** Milliseconds between the end of one poll and the start of the next. */
  readonly pollEveryMs?: number
  /** In place of `pollEveryMs`: polls at times of its own. */
  readonly schedule?: PollSchedule
  /**
   * Verify over the raw body, then parse.
   * @throws SyncError rejected with `status` 4xx in the options and a reason that tells the sender what to mend.
   */
  receive?(request: IncomingRequest): Promise<Received>
  /**
   * One complete walk from the cursor (undefined at the first). Never runs twice at once; one instance polls.
   * @param asked a person wants it now: the schedule is not asked whether it is due.
   */
  poll?(cursor: unknown, signal: AbortSignal, asked?: boolean): AsyncIterable<Page>
  /**
   * Listens until aborted, and calls `poke` when a poll would find something: it then comes at once. What it heard may be
   * lost, because the poll finds it again; so every instance listens. Never rejects.
   */
  listen?(poke: () => void, signal: AbortSignal): Promise<void>
  /** What people may launch by hand, and how. Absent: any data, and nothing without data. */
  readonly launch?: {
    /** @throws SyncError rejected `BAD_PARAMETERS` for what it does not take. */
    check(parameters: Fields): void
    /** What an event is kept in order by. @throws SyncError rejected for data that lacks it. */
    keyOf(data: Fields): string | undefined
  }
  /** Checks what flows read against what the system really has. @throws SyncError when it cannot be asked. */
  verify?(uses: readonly SourceUse[], signal: AbortSignal): Promise<void>
  /** What the system has in the `data` of this object's events. @throws SyncError when it cannot be asked. */
  shape?(object: string, signal: AbortSignal): Promise<Shape | undefined>
  /** Can it work now? Also the place to register a webhook. @throws SyncError with what to do. */
  check?(signal: AbortSignal): Promise<void>
  close?(): Promise<void>
}
