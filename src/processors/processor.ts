import type { ChangeEvent } from '../event.ts'

/** Names an expression can see: `event`, `data`, and the results of earlier steps under their `as`. */
export type Scope = Record<string, unknown>

export type ProcessResult =
  /** Goes on. `names` join the scope; a transform's keys, for example. */
  | { readonly names?: Readonly<Record<string, unknown>> }
  /** Goes on; the result is there under the step's `as` alone. */
  | { readonly result: unknown }
  /** The event ends here, without harm; counted under the reason. */
  | { readonly skip: string }

export interface ProcessContext {
  readonly event: ChangeEvent
  /**
   * Claims a value for this event within a span of event time. Decided by the runtime's state:
   * `mine` (also when the same event asks again), `taken` by an event that is done, or `wait` for one that is not.
   */
  claim(value: string, withinMs: number): Promise<'mine' | 'taken' | 'wait'>
  /**
   * What the step remembers under a key from event to event. `judge` gets what it was, undefined at first, and whether a
   * newer event was judged before; it may be asked again when another event came in between. Memory and answer are
   * committed with the event, so that the same event is answered the same.
   */
  recall<T>(key: string, judge: (memory: T | undefined, isLate: boolean) => Judgement<T>): Promise<boolean>
  readonly signal: AbortSignal
}

export interface Judgement<T> {
  readonly answer: boolean
  /** Absent: as before. */
  readonly memory?: T
}

/** Computes: the same input and state give the same output. Touches no outside system. */
export interface Processor {
  /** Sync where possible: a promise per event costs. @throws SyncError rejected for what will never pass. */
  process(scope: Scope, context: ProcessContext): ProcessResult | Promise<ProcessResult>
  close?(): Promise<void>
}
