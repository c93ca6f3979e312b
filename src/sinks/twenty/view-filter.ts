import { all, any, type Condition } from '../../clients/twenty/condition.ts'
import type { TwentyField, TwentyObject } from '../../clients/twenty/schema.ts'
import type { View, ViewFilter } from '../../clients/twenty/views.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import { askedOf } from './view-operands.ts'

/**
 * Which records a view shows, as Twenty's user interface decides it. undefined: all of them.
 * @param now milliseconds since 1970, for "today" and the like.
 * @throws SyncError rejected `VIEW_NOT_POSSIBLE` that names the filter: none is left out, for that would widen the view.
 */
export function viewFilter(object: TwentyObject, view: View, now: number): Condition | undefined {
  if (view.search !== '') throw impossible(object, view, `it searches all fields for "${view.search}"`)
  const left = new Set(view.filters)
  const ofGroup = (id: string | undefined): Condition[] => {
    const filters = view.filters.filter(filter => filter.group === id)
    for (const filter of filters) left.delete(filter)
    const inner = view.groups.filter(group => group.parent === id)
    return [
      ...filters.map(filter => translated(object, view, filter, now)),
      ...inner.flatMap(group => {
        const parts = ofGroup(group.id)
        if (parts.length === 0) return []
        if (group.operator === 'AND') return [all(parts)]
        if (group.operator === 'OR') return [any(parts)]
        throw impossible(object, view, `a group of its filters is joined by ${group.operator}`)
      }),
    ]
  }
  const parts = ofGroup(undefined)
  const [lost] = left
  if (lost) throw impossible(object, view, `its filter on ${nameOf(object, lost)} is in a group that it does not have`)
  return parts.length === 0 ? undefined : all(parts)
}

function translated(object: TwentyObject, view: View, filter: ViewFilter, now: number): Condition {
  const field = fieldOf(object, filter.fieldId)
  if (!field) throw impossible(object, view, `it filters by the field ${filter.fieldId}, which is not known`, true)
  const place = `its filter "${field.name} ${filter.operand}"`
  if (filter.throughRelation) throw impossible(object, view, `${place} asks about a field of the related record`)
  if (field.toMany) throw impossible(object, view, `${place} asks about the other end of a relation`)
  let condition: Condition | undefined
  try {
    condition = askedOf(object, field, filter, now)
  } catch (thrown) {
    throw impossible(object, view, `${place}: ${asSyncError(thrown).message}`)
  }
  if (condition) return condition
  throw impossible(
    object,
    view,
    `${place} has the value ${JSON.stringify(filter.value)?.slice(0, 80)}, which is not understood for a field of type ${field.type}`,
  )
}

function fieldOf(object: TwentyObject, id: string): TwentyField | undefined {
  return [...object.fields.values()].find(field => field.id === id)
}

function nameOf(object: TwentyObject, { fieldId }: ViewFilter): string {
  return fieldOf(object, fieldId)?.name ?? fieldId
}

/** `stale`: may pass once the cached field list is refreshed. */
function impossible(object: TwentyObject, view: View, why: string, stale = false): SyncError {
  const message = `the view "${view.name}" of ${object.plural} cannot be read from outside: ${why}. Change the view in Twenty, or write the condition as \`filter\``
  return new SyncError('rejected', 'VIEW_NOT_POSSIBLE', message, { details: { stale } })
}
