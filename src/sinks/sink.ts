import type { SyncError } from '../errors.ts'
import type { ChangeEvent, Fields } from '../event.ts'
import type { Shape } from '../shape.ts'

/**
 * What may happen when a call is made twice; one list for retry and for replay.
 *   read    changes nothing
 *   safe    upsert or update: may run again
 *   keyed   the other side honours our key
 *   lookup  search before create
 *   blind   cannot be told apart: mail, POST without a key
 */
export type Effect = 'read' | 'safe' | 'keyed' | 'lookup' | 'blind'

export interface ActionSpec {
  /** Fixed, or decided by the step's config as written. */
  readonly effect: Effect | ((config: Fields) => Effect)
  /** Default: one item per call. */
  readonly batch?: Batch
  /** Its items carry what the step's expressions see: for templates, which have a language of their own. */
  readonly seesScope?: boolean
  /** What it finds can be read page by page, by `page`: `each` goes over all of it without holding it. */
  readonly paged?: true
}

/** How many items meet in one call. */
export interface Batch {
  readonly deliver: number
  /** Default: as many. 1: each is planned as it comes. */
  readonly plan?: number
  /** Only items of one kind meet. Default: of one action and object. */
  readonly kind?: string
  /** Longest wait for others to share a call, once the calls that leave at once are spent. Default 4 s. */
  readonly patienceMs?: number
}

/** The class of one use of an action; known when the config is loaded. */
export function effectOf(spec: ActionSpec, args: Fields): Effect {
  return typeof spec.effect === 'function' ? spec.effect(args) : spec.effect
}

/** One thing to do in a system, from one step of one event. */
export interface Item {
  readonly action: string
  /** The step's config with every expression replaced by its value; what an empty optional gave is absent. */
  readonly args: Fields
  /** `event`, `data` and the results of earlier steps, where the action asks for them. */
  readonly scope?: Fields
  /** The effect key: (flow, step id, item). The same effect has the same key for ever. */
  readonly key: string
  /** UUID v5 of the key: the id of a record that this effect creates. */
  readonly id: string
  /** Source time of the event that caused it. */
  readonly time: string
  /** True when an earlier try may have had its effect: look before writing. */
  readonly outcomeUnknown: boolean
  /** The `request` of that earlier try's plan: what a `keyed` effect sends again, whatever the config says by now. */
  readonly request?: unknown
  /** `live` goes before `replay`. */
  readonly priority: 'live' | 'replay'
}

/** What would be done. Made by reading only; a dry run ends here. */
export interface Plan {
  readonly item: Item
  /** `none`: already as wanted, nothing will be sent. */
  readonly operation: 'create' | 'update' | 'delete' | 'restore' | 'send' | 'read' | 'none'
  /** The record that will be written; known before the call also for creates. */
  readonly target?: { readonly object: string; readonly id: string }
  /** Further records that the write will create: those that show a note at others, for example. */
  readonly also?: readonly { readonly object: string; readonly id: string }[]
  /** Only the fields that will change, as they are now. */
  readonly before?: Fields
  /** Only the fields that will change, as they will be, normalised as the system will do it. */
  readonly after?: Fields
  /** What a `keyed` effect sends under its key; JSON. Stored with the intent, and handed to a repeat as `item.request`. */
  readonly request?: unknown
  /** What later steps see when this is a dry run, or when the operation is `none` or `read`. */
  readonly result?: unknown
  /** The sink's own notes from plan to deliver; must be JSON. */
  readonly private?: unknown
}

export type Delivery =
  | {
      readonly status: 'delivered'
      /** For the write ledger: what was written, under which version of the record. */
      readonly ref?: { readonly object: string; readonly id: string; readonly version?: string }
      /** What was done to the record, where that is not what was planned; `none`: it was left as it is. */
      readonly operation?: Plan['operation']
      /** What later steps see under the step's `as`. */
      readonly result?: unknown
    }
  | { readonly status: 'skipped'; readonly reason: string; readonly result?: unknown }
  | { readonly status: 'failed'; readonly error: SyncError }

/** A use of an action in the config, for checks against the live system's own schema. */
export interface ActionUse {
  readonly action: string
  /** The step's config as written, expressions as text. */
  readonly args: Fields
  /** Reports a config error at a path within the step's config. */
  problem(path: readonly (string | number)[], message: string, suggestion?: string): void
}

export interface SinkStatus {
  /** Calls left in the tightest window, calls that wait for one, and how long the system asked to be left alone. */
  readonly limiter: { readonly available: number; readonly waiting: number; readonly blockedMs: number }
  readonly breaker: 'closed' | 'open' | 'half-open'
}

/** One more thing to do, because a write did more than was planned. Safe to repeat. */
export interface Amendment {
  readonly action: string
  readonly args: Fields
}

/** A part of what a paged action finds. */
export interface Page {
  readonly items: readonly unknown[]
  /** Where the next page begins; JSON text that is kept for as long as the run lasts. Absent: this was the last one. */
  readonly next?: string
  /** How many there are in all, where the system says so. */
  readonly total?: number
}

/** Everything that touches a system, reads included. */
export interface Sink {
  /** In place of the `batch` that the action has, where the config of the system or of the step decides it. */
  batchOf?(item: Item): Batch | undefined
  /**
   * Names that must be held from before `plan` until after `deliver`, so that two events do not create one record twice:
   * `person/emails.primaryEmail/ada@example.com`. From the item alone, no I/O. The runtime holds them across instances;
   * a batch never holds one name twice.
   */
  claims?(item: Item): readonly string[]
  /** Only reads. One plan per item, same order; an item that cannot be planned gives its error. */
  plan(items: readonly Item[], signal: AbortSignal): Promise<(Plan | SyncError)[]>
  /** One delivery per plan, same order. Never throws for one item's sake. */
  deliver(plans: readonly Plan[], signal: AbortSignal): Promise<Delivery[]>
  /**
   * One page of a paged action; without a cursor the first. Only reads; the same cursor may be read again, after a crash
   * for example, and what was left unchanged in between must not be missed by it. @throws SyncError
   */
  page?(item: Item, cursor: string | undefined, signal: AbortSignal): Promise<Page>
  /**
   * What puts right what a write of ours did beyond its plan, as the event that it caused shows. From the event alone.
   * @param planned the operation of that write.
   */
  amend?(echo: ChangeEvent, planned: Plan['operation']): Amendment | undefined
  /** Checks uses against what the system really has: objects, fields, options. */
  verify?(uses: readonly ActionUse[], signal: AbortSignal): Promise<void>
  /** What later steps see of a use under its `as`, by the system's own schema. @throws SyncError when it cannot be asked. */
  shape?(use: Pick<ActionUse, 'action' | 'args'>, signal: AbortSignal): Promise<Shape | undefined>
  /** How the way to the system stands, for the status page. */
  status?(): Promise<SinkStatus>
  /** Reachable, and the credentials work? @throws SyncError with what to do. */
  check?(signal: AbortSignal): Promise<void>
  close?(): Promise<void>
}
