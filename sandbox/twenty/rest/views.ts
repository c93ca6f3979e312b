import { randomUUID } from 'node:crypto'
import { badRequest, notFound } from '../errors.ts'
import { type Answer, asObject, type Call, ok } from '../http.ts'
import { isUuid, stableId } from '../ids.ts'
import type { Schema } from '../schema/schema.ts'
import type { Twenty } from '../twenty.ts'
import { metadataPage } from './metadata-list.ts'

type Item = Record<string, unknown> & { readonly id: string }

/** Collections that belong to views, each with the parameter that narrows its list and its defaults. */
export const VIEW_COLLECTIONS = new Map<string, { parent: string; required: string[]; defaults: object }>([
  [
    'views',
    {
      parent: 'objectMetadataId',
      required: ['name', 'objectMetadataId'],
      defaults: {
        type: 'TABLE',
        key: null,
        icon: 'IconTable',
        position: 0,
        isCompact: false,
        openRecordIn: 'SIDE_PANEL',
      },
    },
  ],
  [
    'viewFields',
    { parent: 'viewId', required: ['viewId', 'fieldMetadataId'], defaults: { isVisible: true, position: 0 } },
  ],
  [
    'viewFilters',
    {
      parent: 'viewId',
      required: ['viewId', 'fieldMetadataId'],
      defaults: {
        operand: 'CONTAINS',
        value: '',
        subFieldName: null,
        viewFilterGroupId: null,
        positionInViewFilterGroup: null,
      },
    },
  ],
  ['viewSorts', { parent: 'viewId', required: ['viewId', 'fieldMetadataId'], defaults: { direction: 'ASC' } }],
  [
    'viewGroups',
    { parent: 'viewId', required: ['viewId'], defaults: { isVisible: true, fieldValue: '', position: 0 } },
  ],
  [
    'viewFilterGroups',
    { parent: 'viewId', required: ['viewId'], defaults: { logicalOperator: 'AND', parentViewFilterGroupId: null } },
  ],
])

/** Views and what belongs to them, by collection. */
export type ViewStore = Map<string, Map<string, Item>>

/** Every object that people see has its index view. */
export function newViewStore(schema: Schema, now: string): ViewStore {
  const store: ViewStore = new Map([...VIEW_COLLECTIONS.keys()].map(name => [name, new Map()]))
  for (const object of schema.objects().filter(each => !each.isSystem)) {
    const view = {
      ...VIEW_COLLECTIONS.get('views')!.defaults,
      id: stableId('view', object.nameSingular),
      name: `All ${object.labelPlural}`,
      key: 'INDEX',
      objectMetadataId: object.id,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    }
    store.get('views')!.set(view.id, view)
  }
  return store
}

export function handleViews(twenty: Twenty, call: Call): Answer {
  const [collection, id] = call.segments as [string, string | undefined]
  const items = twenty.views.get(collection)!
  const { parent, required, defaults } = VIEW_COLLECTIONS.get(collection)!
  if (id === undefined) {
    if (call.method === 'GET') return list(twenty, [...items.values()], parent, call)
    if (call.method !== 'POST') throw badRequest(`Method ${call.method} not allowed`)
    const input = asObject(call.body())
    const missing = required.filter(name => input[name] === undefined)
    if (missing.length > 0) throw badRequest(`${missing.join(', ')} missing`)
    const now = twenty.nowIso()
    const item: Item = { ...defaults, createdAt: now, updatedAt: now, deletedAt: null, ...input, id: newId(input.id) }
    items.set(item.id, item)
    return ok(item, 1, 201)
  }
  const item = items.get(id.toLowerCase())
  if (!item) throw notFound(`${collection} ${id} not found`)
  if (call.method === 'GET') return ok(item, 1)
  if (call.method === 'PATCH' || call.method === 'PUT') {
    Object.assign(item, asObject(call.body()), { id: item.id, updatedAt: twenty.nowIso() })
    return ok(item, 1)
  }
  if (call.method !== 'DELETE') throw badRequest(`Method ${call.method} not allowed`)
  items.delete(item.id)
  return ok({ success: true }, 1)
}

function newId(given: unknown): string {
  if (given === undefined) return randomUUID()
  if (!isUuid(given)) throw badRequest(`'${String(given)}' is not a valid UUID`)
  return given.toLowerCase()
}

function list(twenty: Twenty, items: readonly Item[], parent: string, call: Call): Answer {
  const wanted = call.query.get(parent)
  const chosen = wanted ? items.filter(item => item[parent] === wanted) : items
  if (twenty.faults.versions.viewLists === 'bare') return ok(chosen, chosen.length)
  const { items: page, pageInfo, totalCount } = metadataPage(chosen, call.query)
  return ok({ data: page, pageInfo, totalCount }, page.length)
}

export interface WantedView {
  /** Plural name. */
  readonly object: string
  readonly name: string
  readonly filters: readonly {
    readonly field: string
    readonly operand: string
    /** As the user interface stores it: texts, and JSON in texts. */
    readonly value?: unknown
    readonly subField?: string
    /** Name of a group. */
    readonly group?: string
  }[]
  readonly groups?: readonly { readonly name: string; readonly operator: 'AND' | 'OR'; readonly parent?: string }[]
}

/** A view as somebody makes it in the user interface, fields by their names. @returns its id. */
export function addView(twenty: Twenty, { object, name, filters, groups = [] }: WantedView): string {
  const meta = twenty.records.schema.required(object)
  const add = (collection: string, item: Record<string, unknown>): string => {
    const body = JSON.stringify({ ...item, deletedAt: null })
    const call = {
      method: 'POST',
      path: '',
      segments: [collection],
      query: new URLSearchParams(),
      body: () => JSON.parse(body),
    }
    return String((handleViews(twenty, { ...call, caller: { kind: 'system' } }).body as Item).id)
  }
  const viewId = add('views', { name, objectMetadataId: meta.id })
  const ids = new Map<string, string>()
  for (const { name: group, operator, parent } of groups) {
    const parentViewFilterGroupId = parent === undefined ? null : ids.get(parent)
    ids.set(group, add('viewFilterGroups', { viewId, logicalOperator: operator, parentViewFilterGroupId }))
  }
  for (const { field, operand, value = '', subField, group } of filters) {
    const fieldMetadataId = meta.fieldByName.get(field)?.id
    if (!fieldMetadataId) throw badRequest(`${object} have no field "${field}"`)
    const viewFilterGroupId = group === undefined ? null : ids.get(group)
    add('viewFilters', { viewId, fieldMetadataId, operand, value, subFieldName: subField ?? null, viewFilterGroupId })
  }
  return viewId
}
