import { SyncError } from '../errors.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import type { CompiledFlow } from './compiled-flow.ts'
import type { DeadLetters } from './dead-letters.ts'
import { FlowBreaker } from './flow-breaker.ts'
import type { FlowCounters } from './flow-counters.ts'
import type { Failure, LoneItem, Run } from './run.ts'

/** An event, or an item of one, that failed for good. */
export interface GivenUpFacts {
  readonly failure: Failure
  readonly error: SyncError
  readonly attempts: number
  readonly firstAt: number
  readonly item?: LoneItem | undefined
}

export interface GivenUpOptions {
  readonly flow: Pick<CompiledFlow, 'name' | 'identity'>
  readonly deadLetters: DeadLetters
  readonly counters: FlowCounters
}

/**
 * What a cap holds, a `validate` step turns away, or matches no record or several: it is for a person to look at, and no
 * sign that anything is wrong with the flow.
 */
const ON_PURPOSE: ReadonlySet<string> = new Set([
  'CAP_REACHED',
  'VALIDATION_FAILED',
  'MATCH_NOT_FOUND',
  'AMBIGUOUS_MATCH',
])

/** What failed for good: its dead letter, and whether there is too much of it. */
export class GivenUp {
  readonly #options: GivenUpOptions
  readonly #breaker = new FlowBreaker()

  constructor(options: GivenUpOptions) {
    this.#options = options
  }

  /** P2: durable when resolved. */
  write({ event }: Run, { failure, ...facts }: GivenUpFacts, logged: LoggedEvent): Promise<void> {
    const { flow, deadLetters } = this.#options
    const { step, scope } = failure
    const { event: _event, data: _data, ...names } = scope
    return deadLetters.write({ ...facts, flow: flow.identity, step, names, logged: { ...logged, event } })
  }

  /** Counts one more. @returns what stops the flow, when there are too many. */
  count(error: SyncError): SyncError | undefined {
    const { flow, counters } = this.#options
    counters.dead++
    counters.failed(error)
    if (ON_PURPOSE.has(error.code) || !this.#breaker.record(true)) return undefined
    const message = `flow "${flow.name}" dead-lettered more than 20 of its last 100 events, the last with ${error.code}: ${error.message}`
    return new SyncError('fatal', 'TOO_MANY_DEAD_LETTERS', message, { cause: error })
  }

  /** An event, or an item, got through. */
  passed(): void {
    this.#breaker.record(false)
  }
}
