import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { CallOptions, Send } from './calls.ts'
import { allMetadata } from './metadata-list.ts'
import type { TwentyObject } from './schema.ts'

/** One filter of a view, as Twenty's user interface stored it. */
export interface ViewFilter {
  readonly fieldId: string
  /** `IS`, `CONTAINS`, … */
  readonly operand: string
  readonly value: unknown
  readonly subField?: string
  readonly group?: string
  /** It asks about a field of the related record. */
  readonly throughRelation: boolean
}

export interface ViewFilterGroup {
  readonly id: string
  readonly parent?: string
  /** `AND`, `OR`. */
  readonly operator: string
}

/** A saved view: which of an object's records it shows. */
export interface View {
  readonly id: string
  readonly name: string
  readonly filters: readonly ViewFilter[]
  readonly groups: readonly ViewFilterGroup[]
  /** A text that any field may hold. */
  readonly search: string
}

export interface ViewCalls {
  /**
   * The object's view of that name or id, as it is now.
   * @throws SyncError rejected `VIEW_NOT_FOUND` with the names that there are, or `AMBIGUOUS_VIEW`.
   */
  view(object: TwentyObject, nameOrId: string, options?: CallOptions): Promise<View>
}

export function viewCalls(send: Send): ViewCalls {
  const all = async (name: string, query: Readonly<Record<string, string>>, options?: CallOptions) =>
    (await allMetadata(send, name, query, options)).filter(each => !each.deletedAt)
  return {
    async view(object, nameOrId, options) {
      const views = await all('views', { objectMetadataId: object.id! }, options)
      const view = chosen(views, nameOrId, object)
      const viewId = String(view.id)
      const filters = await all('viewFilters', { viewId }, options)
      const groups = await all('viewFilterGroups', { viewId }, options)
      return {
        id: viewId,
        name: String(view.name),
        filters: filters.map(filterOf),
        groups: groups.map(groupOf),
        search: typeof view.anyFieldFilterValue === 'string' ? view.anyFieldFilterValue : '',
      }
    },
  }
}

function chosen(views: readonly Fields[], nameOrId: string, object: TwentyObject): Fields {
  const found = views.filter(view => view.id === nameOrId || view.name === nameOrId)
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    const ids = found.map(view => view.id).join(', ')
    const message = `${found.length} views of ${object.plural} are called "${nameOrId}": ${ids}; rename one, or name one by its id`
    throw new SyncError('rejected', 'AMBIGUOUS_VIEW', message)
  }
  const names = views.map(view => `"${String(view.name)}"`).join(', ')
  const message = `Twenty has no view "${nameOrId}" of ${object.plural} that everybody sees; it has ${names || 'none'}`
  throw new SyncError('rejected', 'VIEW_NOT_FOUND', message)
}

function filterOf(raw: Fields): ViewFilter {
  return {
    fieldId: String(raw.fieldMetadataId),
    operand: operandOf(String(raw.operand)),
    value: raw.value,
    ...(typeof raw.subFieldName === 'string' && raw.subFieldName !== '' && { subField: raw.subFieldName }),
    ...(typeof raw.viewFilterGroupId === 'string' && { group: raw.viewFilterGroupId }),
    throughRelation: typeof raw.relationTargetFieldMetadataId === 'string',
  }
}

/** Older servers write `isNot`, and `lessThan` for what they compare as less or equal. */
function operandOf(text: string): string {
  if (text === text.toUpperCase()) return text
  const words = text.replaceAll(/[A-Z]/g, '_$&').toUpperCase()
  return words === 'LESS_THAN' || words === 'GREATER_THAN' ? `${words}_OR_EQUAL` : words
}

function groupOf(raw: Fields): ViewFilterGroup {
  return {
    id: String(raw.id),
    ...(typeof raw.parentViewFilterGroupId === 'string' && { parent: raw.parentViewFilterGroupId }),
    operator: String(raw.logicalOperator),
  }
}
