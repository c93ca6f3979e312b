import { isolate } from '../../clients/isolate.ts'
import type { CallOptions } from '../../clients/twenty/calls.ts'
import type { TwentyClient } from '../../clients/twenty/client.ts'
import { anyOf, withDeleted } from '../../clients/twenty/filter.ts'
import type { Row } from '../../clients/twenty/records.ts'
import type { TwentyObject, TwentySchema } from '../../clients/twenty/schema.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import type { Plan } from '../sink.ts'
import { byId, type Outcomes } from './outcomes.ts'
import { privateOf } from './plan-wish.ts'

/** Writes the links of notes and tasks once these are there. */
export class LinkWriter {
  readonly #client: TwentyClient
  readonly #batch: number

  constructor(client: TwentyClient, batch: number) {
    this.#client = client
    this.#batch = batch
  }

  /** Sub-writes of notes and tasks, under ids of their own: a repeat finds them and makes no second ones. */
  async write(plans: readonly Plan[], schema: TwentySchema, outcomes: Outcomes, options: CallOptions): Promise<void> {
    for (const name of ['note', 'task']) {
      const rows = plans.flatMap(plan => {
        if (plan.target?.object !== name || outcomes.get(plan)?.status !== 'delivered') return []
        return (privateOf(plan).links ?? []).map(link => ({ plan, row: link as Row }))
      })
      if (rows.length === 0) continue
      const targets = schema.object(`${name}Target`)
      for (let from = 0; from < rows.length; from += this.#batch) {
        const part = rows.slice(from, from + this.#batch)
        const results = await this.#createLinks(
          part.map(({ row }) => row),
          targets,
          options,
        )
        part.forEach(({ plan }, place) => {
          const error = results[place]
          if (error) outcomes.set(plan, { status: 'failed', error: unlinked(plan, error) })
        })
      }
    }
  }

  async #createLinks(
    rows: readonly Row[],
    targets: TwentyObject,
    options: CallOptions,
  ): Promise<(SyncError | undefined)[]> {
    const send = async (some: readonly Row[]) => {
      await this.#client.create(targets, some, options)
      return some.map(() => undefined)
    }
    try {
      return await send(rows)
    } catch (thrown) {
      const refusal = asSyncError(thrown)
      if (refusal.code !== 'TWENTY_DUPLICATE') return isolate(rows, send, { refusal })
      const filter = withDeleted(
        anyOf(
          'id',
          rows.map(row => row.id),
        ),
      )
      const there = await this.#client.find(targets, { filter }, options).catch(asSyncError)
      if (there instanceof SyncError) return rows.map(() => there)
      const known = byId(there.rows)
      const left = rows.filter(row => !known.has(row.id))
      const results = await isolate(left, send, { refusal: left.length < rows.length ? undefined : refusal })
      // Shown there already, under an id that is not ours: as wanted.
      const settled = results.map(result => (result?.code === 'TWENTY_DUPLICATE' ? undefined : result))
      return rows.map(row => settled[left.indexOf(row)])
    }
  }
}

/** The record is there: the next try has to look for it. */
function unlinked(plan: Plan, cause: SyncError): SyncError {
  const { object, id } = plan.target!
  const { retryAfterMs, status, details } = cause
  return new SyncError(cause.kind, cause.code, `${object} ${id} is written, its links are not: ${cause.message}`, {
    cause,
    retryAfterMs,
    status,
    details,
    outcomeUnknown: true,
  })
}
