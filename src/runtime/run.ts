import type { SyncError } from '../errors.ts'
import type { ChangeEvent } from '../event.ts'
import { actionOf, objectOf, recordIdOf } from '../event.ts'
import type { Scope } from '../processors/processor.ts'
import type { Plan } from '../sinks/sink.ts'
import type { Entry, Version, Write } from '../state/state-store.ts'
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
  /** Why nothing was written. */
  readonly skipped?: string
  readonly ref?: { readonly object: string; readonly id: string; readonly version?: string }
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

/** One event on its way through a flow's steps. In memory; `record` is what survives a crash. */
export class Run {
  readonly event: ChangeEvent
  readonly mode: RunMode
  readonly dryRun: boolean
  /** Do the effects that a replay leaves alone. */
  readonly allEffects: boolean
  readonly hops: number
  /** Aborted when the partition is no longer ours. */
  readonly owned: AbortSignal
  readonly scope: Scope
  readonly steps: Map<string, StepRecord>
  readonly claims: Set<string>
  /** Plans of a dry run, in order. */
  readonly plans: { step: string; plan: Plan }[] = []
  version: Version | undefined
  /** Something was, or may have been, written outside. */
  effects = false
  /** Changes to `steps` or `claims` that no commit has yet. */
  dirty = false
  /** The commit under way, if one is. */
  committing: Promise<void> | undefined
  /** An effect turned out to be known elsewhere: look before the next. */
  mustLook = false
  /** Per step, what its stale mark was before this run set it. */
  readonly restores = new Map<string, Write>()
  /** Per step, the keys of the counts that its intent is in. */
  readonly counted = new Map<string, readonly string[]>()
  /** Writes that go with the next commit. */
  readonly unsaved = new Set<Write>()
  readonly #failures = new WeakMap<SyncError, Failure>()

  constructor(options: {
    event: ChangeEvent
    mode: RunMode
    owned: AbortSignal
    entry?: Entry
    cause?: Cause
    dryRun?: boolean
    allEffects?: boolean
  }) {
    this.event = options.event
    this.mode = options.mode
    this.owned = options.owned
    this.dryRun = options.dryRun ?? false
    this.allEffects = options.allEffects ?? options.mode !== 'replay'
    this.hops = options.cause ? options.cause.hops + 1 : 0
    this.scope = { event: eventView(this.event), data: this.event.data }
    this.version = options.entry?.version
    const record = options.mode === 'replay' ? undefined : (options.entry?.value as RunRecord | undefined)
    this.steps = new Map(Object.entries(record?.steps ?? {}))
    this.claims = new Set(record?.claims)
    this.effects = this.steps.size > 0
  }

  /** The innermost step that an error goes through is the one that failed. */
  noteFailure(error: SyncError, step: string, scope: Scope): void {
    if (!this.#failures.has(error)) this.#failures.set(error, { step, scope })
  }

  /** For dead letters. An error that no step made has none. */
  failureOf(error: SyncError): Failure {
    return this.#failures.get(error) ?? { step: '', scope: this.scope }
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
