import type { ChangeEvent } from '../event.ts'

/** Names an expression can see: `event`, `data`, and the results of earlier steps under their `as`. */
export type Scope = Record<string, unknown>

export type ProcessResult =
  /** Goes on. `names` join the scope; a transform's keys, for example. */
  | { readonly names?: Readonly<Record<string, unknown>> }
  /** The event ends here, without harm; counted under the reason. */
  | { readonly skip: string }

export interface ProcessContext {
  readonly event: ChangeEvent
  /**
   * Claims a value for this event within a span of event time. Decided by the runtime's state:
   * `mine` (also when the same event asks again), `taken` by an event that is done, or `wait` for one that is not.
   */
  claim(value: string, withinMs: number): Promise<'mine' | 'taken' | 'wait'>
  readonly signal: AbortSignal
}

/** Computes: the same input and state give the same output. Touches no outside system. */
export interface Processor {
  /** Sync where possible: a promise per event costs. @throws SyncError rejected for what will never pass. */
  process(scope: Scope, context: ProcessContext): ProcessResult | Promise<ProcessResult>
  close?(): Promise<void>
}
