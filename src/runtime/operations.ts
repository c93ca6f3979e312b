import type { ConfigChange } from '../config/changes.ts'
import type { Problem } from '../config/config.ts'
import type { Fields } from '../event.ts'
import type { StartPosition, TopicInfo } from '../log/event-log.ts'
import type { SinkStatus } from '../sinks/sink.ts'
import type { ListedLetter } from './dead-letters.ts'
import type { Loop } from './each.ts'
import type { Launched, LaunchList, LaunchPlace } from './launch.ts'
import type { LaunchReport } from './launch-report.ts'
import type { PollStatus } from './poller.ts'
import type { ReplayProgress } from './replay.ts'
import type { FlowState } from './supervisor.ts'
import type { SyncOperations, SyncReport } from './sync-reports.ts'

export interface Reason {
  readonly code: string
  readonly message: string
}

export interface FlowReport {
  readonly name: string
  readonly state: FlowState | 'not running'
  readonly reason?: Reason
  readonly nextTryAt?: string
  /** Events that the flow has not finished, over all its topics; null while the log cannot be asked. */
  readonly lag: number | null
  readonly done: number
  /** Counted since the daemon started, by reason. */
  readonly skipped: Readonly<Record<string, number>>
  /** Open ones; null while the log cannot be asked. */
  readonly deadLetters: number | null
  /** Events waiting for a later try, or behind one that does. */
  readonly parked: number
  readonly parkedNext?: { readonly at: string; readonly code: string; readonly message: string }
  /** Of a flow that collects: records that wait for the end of their window. */
  readonly collected?: { readonly records: number; readonly startAt?: string }
  readonly retried: number
  readonly unclassified: number
  /** Each long `each` that is under way, and how far it is. */
  readonly loops?: readonly Loop[]
  readonly perSecond: number
  readonly oldestUnfinishedAt?: string
  readonly lastError?: Reason & { readonly at: string }
}

export interface ConnectorReport {
  readonly name: string
  readonly type: string
  readonly path?: string
  readonly objects: readonly string[]
  readonly received: number
  readonly dropped: Readonly<Record<string, number>>
  readonly refused: number
  readonly poll?: PollStatus
}

export interface SystemReport {
  readonly name: string
  readonly type: string
  readonly url?: string
  readonly ready: boolean
  readonly reason?: Reason
  readonly nextTryAt?: string
  readonly limiter?: SinkStatus['limiter']
  readonly breaker?: SinkStatus['breaker']
}

export interface StatusReport {
  /** False when nothing runs on this config and the report comes from the stored log and state. */
  readonly running: boolean
  readonly startedAt?: string
  readonly engine: string
  readonly intake?: string
  readonly usage?: { readonly bytes: number; readonly limit?: number }
  readonly systems: readonly SystemReport[]
  readonly connectors: readonly ConnectorReport[]
  readonly flows: readonly FlowReport[]
  readonly syncs: readonly SyncReport[]
}

export interface EventSummary {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly appendedAt: string
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly time: string
  readonly changed?: readonly string[]
}

export type Outcome =
  | 'done'
  | 'skipped'
  | 'parked'
  | 'dead letter'
  | 'running'
  | 'waiting'
  /** Finished, and nothing was written: filtered, a duplicate, or already as wanted. */
  | 'without effect'
  /** The flow reads the topic, but not this kind of event, or began after it. */
  | 'not taken'

export interface EventStory extends EventSummary {
  readonly data: Fields
  readonly extensions?: Readonly<Record<string, string>>
  readonly flows: readonly {
    readonly flow: string
    readonly outcome: Outcome
    readonly at?: string
    readonly reason?: string
    readonly steps: readonly {
      readonly step: string
      readonly wrote?: string
      readonly skipped?: string
      readonly open?: boolean
    }[]
    readonly deadLetter?: string
  }[]
}

export interface ReplayArguments {
  readonly flow: string
  readonly from: StartPosition
  readonly to?: StartPosition
  /** CEL over `event` and `data`. */
  readonly where?: string
  readonly dryRun?: boolean
  readonly effects?: 'safe' | 'all'
  readonly perSecond?: number
}

/** Some dead letters: by id or a unique beginning of it, or all open ones, of one flow and of one code when given. */
export interface LetterChoice {
  readonly flow?: string
  readonly ids?: readonly string[]
  readonly all?: boolean
  readonly code?: string
}

/**
 * What a person or another machine can ask of an installation. The daemon serves it over its control port; the command
 * line calls it there, or runs it itself on the stored log and state when no daemon runs. All values are JSON.
 * @throws SyncError rejected `NO_SUCH_FLOW`, `NO_SUCH_EVENT`, … with what there is.
 */
export interface Operations extends SyncOperations {
  status(): Promise<StatusReport>
  topics(): Promise<TopicInfo[]>
  /** Newest last. `topic` may be a full name or `<connector>.<object>`; without it, all source topics. */
  listEvents(query: { topic?: string; limit?: number; from?: StartPosition; where?: string }): Promise<EventSummary[]>
  /** By id, a unique beginning of it, or `<topic>/<partition>/<offset>`. */
  showEvent(query: { id: string }): Promise<EventStory>
  tailEvents(query: { topic?: string; where?: string }, signal: AbortSignal): AsyncIterable<EventSummary>
  /** A flow or a sync. */
  pauseFlow(query: { flow: string }): Promise<void>
  resumeFlow(query: { flow: string }): Promise<void>
  listDeadLetters(query: { flow?: string; limit?: number; all?: boolean }): Promise<ListedLetter[]>
  /**
   * How many. Oldest first, so that the events of a record come back in their order.
   * @param query `set` corrects top-level fields of the data of one letter's event, or of its item.
   */
  redriveDeadLetters(query: LetterChoice & { readonly set?: Fields }): Promise<number>
  discardDeadLetters(query: LetterChoice): Promise<number>
  /** Appends an event to a connector's topic, as if it had come in. `data` may be absent where the connector is `manual`. */
  trigger(query: LaunchPlace & { id?: string; data?: Fields }): Promise<EventSummary>
  /**
   * Appends an event for each record, all of one run. The same run and `from` give the same events again, so a part that
   * may or may not have got through can be sent once more.
   */
  triggerList(query: LaunchList): Promise<Launched>
  /** What became of the events of a run so far. */
  triggerReport(query: { connector: string; object?: string; run: string }): Promise<LaunchReport>
  replay(query: ReplayArguments, signal: AbortSignal): AsyncIterable<ReplayProgress>
}

/** A config was taken, or nothing changed and this is why. `code` is that of an error, where it was one. */
export type ReloadOutcome =
  | { readonly ok: true; readonly summary: string; readonly changes: readonly ConfigChange[] }
  | {
      readonly ok: false
      readonly problems: readonly Problem[]
      readonly message?: string
      readonly code?: string
    }

/** What only a running daemon can do. */
export interface DaemonOperations extends Operations {
  /** Reads the config again, and resolves when it runs on it. A bad one changes nothing. */
  reload(): Promise<ReloadOutcome>
  /** Polls a connector at once, whatever its schedule says; it goes on with its cursor. Resolves when told, not when done. */
  pollNow(query: { connector: string }): Promise<void>
}
