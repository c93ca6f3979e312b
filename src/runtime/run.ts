import type { SyncError } from '../errors.ts'
import type { ChangeEvent } from '../event.ts'
import { actionOf, objectOf, recordIdOf } from '../event.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import type { Scope } from '../processors/processor.ts'
import type { Plan } from '../sinks/sink.ts'
import type { Entry, Version, Write } from '../state/state-store.ts'
import type { EachProgress, EachRecord } from './each-progress.ts'
import type { WaitingCommit } from './run-commits.ts'
import type { Cause } from './write-ledger.ts'

/** How a run treats effects: `live` and `redrive` do them all once, `replay` only what is safe to do again. */
export type RunMode = 'live' | 'redrive' | 'replay'

/** What is stored of one step's effect. */
export interface StepRecord {
  /** The call may have begun and its result is not known. */
  readonly open?: true
  /** Of an open effect whose key is the config's: a repeat keeps it, whatever the config says by then. */
  readonly key?: string
  readonly result?: unknown
  /** It was read and nothing more. */
  readonly read?: true
  /** Why nothing was written. */
  readonly skipped?: string
  readonly ref?: { readonly object: string; readonly id: string; readonly version?: string }
  /** Of an `each`: how far it is. */
  readonly each?: EachRecord
}

/** The value under the run key: a run's memory while it lasts, then its mark. */
export interface RunRecord {
  readonly status: 'running' | 'done' | 'dead'
  readonly at: string
  /** By step key: `<step id>`, inside `each` `<step id>/<item key>/<step id>`. Results are dropped when done. */
  readonly steps: Readonly<Record<string, StepRecord>>
  /** Dedupe keys that this event owns. */
  readonly claims?: readonly string[]
  readonly skip?: string
}

export interface Failure {
  /** As in the run's record: inside `each` with the item's key. */
  readonly step: string
  /** What the step saw. */
  readonly scope: Scope
}

/** An item of an `each` that was given up alone: all that its steps need to run, without the items beside it. */
export interface LoneItem {
  /** Id of the `each` step. */
  readonly each: string
  readonly key: string
  /** What the `each` gives the name of the item: with `batch` a list. */
  readonly value: unknown
  /** Of its step records: `<each>/<key>/`, for one within another with that one's before it. */
  readonly prefix: string
  /** What its first step saw besides `event` and `data`. */
  readonly names: Scope
  /** What had been done of it. */
  readonly steps: Readonly<Record<string, StepRecord>>
}

/** A dedupe key that an event owns. */
export interface Claim {
  /** Of the steps of the item that claimed it; '' outside of `each`. */
  readonly prefix: string
  /** How far apart, in their own time, two events mean the same. */
  readonly withinMs: number
}

/** One event on its way through a flow's steps. In memory; `record` is what survives a crash. */
export class Run {
  /** Under which it is remembered: the event's, unless it is about one item alone. */
  readonly id: string
  readonly event: ChangeEvent
  /** Present: nothing but this item's steps. */
  readonly item: LoneItem | undefined
  readonly mode: RunMode
  readonly dryRun: boolean
  /** Do the effects that a replay leaves alone. */
  readonly allEffects: boolean
  /** It began together with others, whose calls it may share. */
  readonly isCollected: boolean
  readonly hops: number
  /** Aborted when the partition is no longer ours. */
  readonly owned: AbortSignal
  /** Aborted when nothing new is to be begun: the process or the flow ends, and what is not done is done later. */
  readonly ending: AbortSignal
  /** Where the event lies; a run without an offset of its own has none. */
  readonly logged: LoggedEvent | undefined
  readonly scope: Scope
  readonly steps: Map<string, StepRecord>
  /** Dedupe keys that it owns. */
  readonly claims: Map<string, Claim>
  /** Plans of a dry run, in order. */
  readonly plans: { step: string; plan: Plan }[] = []
  version: Version | undefined
  /** Something was, or may have been, written outside. */
  effects = false
  /** Changes to `steps` or `claims` that no commit has yet. */
  dirty = false
  /** A commit is under way. */
  committing = false
  /** Commits that come after it. */
  readonly waiting: WaitingCommit[] = []
  /** An effect turned out to be known elsewhere: look before the next. */
  mustLook = false
  /** Writes that go with the next commit. */
  readonly unsaved = new Set<Write>()
  // Made when first wanted: most runs want none of them, and there is a run per event.
  #loops: Map<string, EachProgress> | undefined
  #restores: Map<string, Write> | undefined
  #counted: Map<string, readonly string[]> | undefined
  #failures: WeakMap<SyncError, Failure[]> | undefined
  readonly #passed = new Map<string, number>()
  #passes = 0
  #hasEnded = false

  constructor(options: {
    event: ChangeEvent
    mode: RunMode
    owned: AbortSignal
    ending?: AbortSignal
    logged?: LoggedEvent
    id?: string
    item?: LoneItem | undefined
    entry?: Entry
    cause?: Cause
    dryRun?: boolean
    allEffects?: boolean
    isCollected?: boolean
  }) {
    this.event = options.event
    this.id = options.id ?? options.event.id
    this.item = options.item
    this.logged = options.logged
    this.mode = options.mode
    this.isCollected = options.isCollected ?? false
    this.owned = options.owned
    this.ending = options.ending ?? options.owned
    this.dryRun = options.dryRun ?? false
    this.allEffects = options.allEffects ?? options.mode !== 'replay'
    this.hops = options.cause ? options.cause.hops + 1 : 0
    this.scope = { event: eventView(this.event), data: this.event.data }
    this.version = options.entry?.version
    const record = options.mode === 'replay' ? undefined : (options.entry?.value as RunRecord | undefined)
    this.steps = new Map(Object.entries(record?.steps ?? options.item?.steps ?? {}))
    // Whoever goes on claims anew, and says the rest.
    this.claims = new Map(record?.claims?.map(key => [key, { prefix: '', withinMs: 0 }]))
    this.effects = this.steps.size > 0
  }

  /** Each `each` that is under way, by its step key. */
  get loops(): Map<string, EachProgress> {
    this.#loops ??= new Map()
    return this.#loops
  }

  /** Per step, what its stale mark was before this run set it. */
  get restores(): Map<string, Write> {
    this.#restores ??= new Map()
    return this.#restores
  }

  /** Per step, the keys of the counts that its intent is in. */
  get counted(): Map<string, readonly string[]> {
    this.#counted ??= new Map()
    return this.#counted
  }

  /** The innermost step that an error goes through is the one that failed. */
  noteFailure(error: SyncError, step: string, scope: Scope): void {
    this.#failures ??= new WeakMap()
    // A call that fails for a whole batch gives all its items one error.
    const failures = this.#failures.get(error)
    if (failures) failures.push({ step, scope })
    else this.#failures.set(error, [{ step, scope }])
  }

  /** For dead letters. An error that no step made has none. @param prefix of the item's steps, inside `each`. */
  failureOf(error: SyncError, prefix = ''): Failure {
    const failure = this.#failures?.get(error)?.find(({ step }) => step.startsWith(prefix))
    return failure ?? { step: prefix.slice(0, -1), scope: this.scope }
  }

  /** An item of a long `each` ended, one way or the other, and is not run again. */
  noteEnd(): void {
    this.#hasEnded = true
  }

  /** Whether an item ended since this was asked last. */
  gotFurther(): boolean {
    const hasEnded = this.#hasEnded
    this.#hasEnded = false
    return hasEnded
  }

  /** The system of the step took or answered something. */
  notePassed(step: string): void {
    this.#passed.set(step, ++this.#passes)
  }

  /** Grows with everything that passes. */
  get passes(): number {
    return this.#passes
  }

  /** Whether the system of the step took anything since. */
  passedSince(step: string, passes: number): boolean {
    return (this.#passed.get(step) ?? 0) > passes
  }
}

/** What expressions see as `event`: plain own properties. */
export function eventView(event: ChangeEvent): Record<string, unknown> {
  return {
    id: event.id,
    type: event.type,
    source: event.source,
    subject: event.subject,
    object: objectOf(event),
    recordId: recordIdOf(event),
    action: actionOf(event),
    time: event.time,
    key: event.key,
    changed: event.changed ?? [],
    extensions: event.extensions ?? {},
  }
}
