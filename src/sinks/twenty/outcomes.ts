import { isFields } from '../../clients/twenty/metadata.ts'
import type { Row } from '../../clients/twenty/records.ts'
import { SyncError } from '../../errors.ts'
import type { Delivery, Plan } from '../sink.ts'
import { privateOf, resultOf } from './plan-wish.ts'

export type Outcomes = Map<Plan, Delivery>

export function rowOf(plan: Plan): Row {
  return { ...privateOf(plan).values, id: plan.target!.id }
}

export function byId(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map(row => [row.id, row]))
}

function refOf(object: string, row: Row): { object: string; id: string; version?: string } {
  return { object, id: row.id, ...(typeof row.updatedAt === 'string' && { version: row.updatedAt }) }
}

export function created(plan: Plan, row: Row | undefined): Delivery {
  if (!row) return { status: 'failed', error: unanswered(plan) }
  const { object } = plan.target!
  return { status: 'delivered', ref: refOf(object, row), result: resultOf(object, row, true) }
}

export function updated(plan: Plan, row: Row): Delivery {
  const { object } = plan.target!
  return { status: 'delivered', ref: refOf(object, row), result: resultOf(object, row, privateOf(plan).ours === true) }
}

/**
 * Nothing to send for the record itself. P6: its version is not ours then, unless an earlier try of this effect made it;
 * whose edit that was is not known.
 */
export function found(plan: Plan): Delivery {
  const { target, result } = plan
  const untouched = !privateOf(plan).ours
  return { status: 'delivered', ...(target && { ref: target }), ...(untouched && { operation: 'none' }), result }
}

/** A create that found its record there. */
export function settled(delivery: Delivery): Delivery {
  return delivery.status === 'delivered' ? { operation: 'update', ...delivery } : delivery
}

export function gone(plan: Plan): Delivery {
  if (privateOf(plan).skipMissing) return { status: 'skipped', reason: 'gone', result: null }
  const { object, id } = plan.target!
  const message = `${object} ${id} was deleted between reading and writing; it stays deleted`
  return { status: 'failed', error: new SyncError('rejected', 'MATCH_IS_DELETED', message) }
}

export function unanswered({ target }: Plan): SyncError {
  return noAnswer(target!.object, target!.id)
}

export function noAnswer(object: string, id: string): SyncError {
  const message = `Twenty's answer to the write does not tell what became of ${object} ${id}`
  return new SyncError('retryable', 'INVALID_ANSWER', message, { outcomeUnknown: true })
}

export function record(plans: readonly Plan[], results: readonly (Delivery | SyncError)[], outcomes: Outcomes): void {
  plans.forEach((plan, place) => {
    const result = results[place]!
    outcomes.set(plan, result instanceof SyncError ? { status: 'failed', error: result } : result)
  })
}

export function sameInstant(left: string, right: unknown): boolean {
  return left === right || Date.parse(left) === Date.parse(String(right))
}

export function isUnknownField(outcome: { readonly status: string; readonly error?: SyncError }): boolean {
  return outcome.status === 'failed' && outcome.error?.code === 'TWENTY_UNKNOWN_FIELD'
}

/** The workspace may have got the field or option since the field list was read. */
export function mayBeOutdated({ code, details }: SyncError): boolean {
  if (code === 'UNKNOWN_OBJECT' || code === 'UNKNOWN_FIELD') return true
  return isFields(details) && details.stale === true
}
