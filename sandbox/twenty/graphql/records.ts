import type { Caller } from '../caller.ts'
import { badRequest, notFound } from '../errors.ts'
import type { Answer } from '../http.ts'
import { own } from '../own.ts'
import { findPage, matching } from '../query/find.ts'
import { withId } from '../query/order.ts'
import { upsert } from '../records/upsert.ts'
import { duplicatesOf } from '../rest/duplicates.ts'
import { mergeMany } from '../rest/merge.ts'
import { optional } from '../rest/read.ts'
import { capital } from '../schema/standard-objects.ts'
import type { ObjectMeta, Row } from '../schema/types.ts'
import type { Twenty } from '../twenty.ts'
import type { Args, Resolver, SelectedField } from './execute.ts'
import { graphqlFilter, graphqlOrder } from './filter.ts'
import { checkConnection, checkSelection, showConnection, showRecord } from './show.ts'

type Verb = (twenty: Twenty, object: ObjectMeta, caller: Caller, args: Args) => readonly Row[] | Row

/** The record API's root fields, found by name: `people`, `createPerson`, `destroyPeople` and so on. */
export function recordResolver(
  twenty: Twenty,
  caller: Caller,
  operation: 'query' | 'mutation',
  name: string,
): Resolver | undefined {
  for (const object of twenty.records.schema.objects()) {
    const resolver = operation === 'query' ? query(twenty, object, name) : mutation(twenty, object, caller, name)
    if (resolver) return resolver
  }
  return undefined
}

function query(twenty: Twenty, object: ObjectMeta, name: string): Resolver | undefined {
  const { records } = twenty
  const table = records.table(object.nameSingular)
  if (name === object.namePlural)
    return (args, selected) => {
      checkConnection(records, object, selected)
      const query = {
        ...optional('filter', graphqlFilter(object, args.filter)),
        order: graphqlOrder(object, args.orderBy),
        limit: Math.min(Number(args.first ?? args.last ?? args.limit ?? 60), 200),
        ...optional('after', text(args.after)),
        ...optional('before', text(args.before)),
      }
      const page = findPage(table, query, records.versions)
      return showConnection(records, object, page, query.order, selected)
    }
  if (name === object.nameSingular)
    return (args, selected) => {
      checkSelection(records, object, selected)
      const [row] = matching(table, graphqlFilter(object, args.filter))
      if (!row) throw notFound()
      return showRecord(records, object, row, selected)
    }
  if (name !== `${object.nameSingular}Duplicates`) return undefined
  return (args, selected) => {
    const rows = Array.isArray(args.ids) ? args.ids.map(id => records.live(object, String(id))) : []
    const order = withId([])
    return rows.map(row => {
      const found = duplicatesOf(records, object, row)
      const pageInfo = { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null }
      const page = { rows: found, totalCount: found.length, pageInfo }
      return showConnection(records, object, page, order, selected)
    })
  }
}

function mutation(twenty: Twenty, object: ObjectMeta, caller: Caller, name: string): Resolver | undefined {
  const one = capital(object.nameSingular)
  const many = capital(object.namePlural)
  const verb = name.endsWith(one) ? own(ONE, name.slice(0, -one.length)) : undefined
  const verbMany = name.endsWith(many) ? own(MANY, name.slice(0, -many.length)) : undefined
  const found = verb ?? verbMany
  if (!found) return undefined
  return (args, selected: readonly SelectedField[]) => {
    if (twenty.faults.http.deniedObjects.includes(object.namePlural))
      throw badRequest('Permission denied', 'PERMISSION_DENIED')
    checkSelection(twenty.records, object, selected)
    const result = found(twenty, object, caller, args)
    return Array.isArray(result)
      ? result.map(row => showRecord(twenty.records, object, row, selected))
      : showRecord(twenty.records, object, result as Row, selected)
  }
}

const ONE: Record<string, Verb | undefined> = {
  create: (twenty, object, caller, args) => created(twenty, object, caller, [args.data], args)[0]!,
  update: ({ records }, object, caller, args) => records.update(object, String(args.id), args.data, caller),
  delete: ({ records }, object, caller, args) =>
    records.softDelete(object, [records.live(object, String(args.id))], caller)[0]!,
  restore: (twenty, object, caller, args) =>
    twenty.records.restore(object, [anyRow(twenty, object, args.id)], caller)[0]!,
  destroy: (twenty, object, caller, args) =>
    twenty.records.destroy(object, [anyRow(twenty, object, args.id)], caller)[0]!,
}

const MANY: Record<string, Verb | undefined> = {
  create(twenty, object, caller, args) {
    if (!Array.isArray(args.data)) throw badRequest('data must be a list')
    return created(twenty, object, caller, args.data, args)
  },
  update: (twenty, object, caller, args) =>
    twenty.records.updateMany(object, chosen(twenty, object, args), args.data, caller),
  delete: (twenty, object, caller, args) => twenty.records.softDelete(object, chosen(twenty, object, args), caller),
  restore: (twenty, object, caller, args) =>
    twenty.records.restore(
      object,
      chosen(twenty, object, args, true).filter(row => row.deletedAt !== null),
      caller,
    ),
  destroy: (twenty, object, caller, args) => twenty.records.destroy(object, chosen(twenty, object, args), caller),
  merge(twenty, object, caller, args) {
    const call = {
      method: 'PATCH',
      path: '',
      segments: [],
      query: new URLSearchParams('depth=0'),
      caller,
      body: () => args,
    }
    const answer: Answer = mergeMany(twenty.records, object, call)
    return Object.values((answer.body as { data: Record<string, Row> }).data)[0]!
  },
}

function created(twenty: Twenty, object: ObjectMeta, caller: Caller, inputs: readonly unknown[], args: Args): Row[] {
  return args.upsert === true
    ? upsert(twenty.records, object, inputs, caller)
    : twenty.records.create(object, inputs, caller)
}

function anyRow(twenty: Twenty, object: ObjectMeta, id: unknown): Row {
  const row = twenty.records.table(object.nameSingular).get(String(id))
  if (!row) throw notFound()
  return row
}

function chosen(twenty: Twenty, object: ObjectMeta, args: Args, withDeleted = false): Row[] {
  const filter = graphqlFilter(object, args.filter)
  if (!filter) throw badRequest('filter is mandatory')
  return matching(twenty.records.table(object.nameSingular), filter, withDeleted)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
