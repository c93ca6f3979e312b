import type { Caller } from '../caller.ts'
import { badRequest, notFound } from '../errors.ts'
import { stableId } from '../ids.ts'
import { own } from '../own.ts'
import { describeField, describeObject } from '../schema/describe.ts'
import type { Twenty } from '../twenty.ts'
import { type Args, pick, type Resolver } from './execute.ts'

type Answerer = (twenty: Twenty, args: Args, caller: Caller) => unknown

/** The operations of the metadata API that a sync needs. */
export function metadataResolver(
  twenty: Twenty,
  caller: Caller,
  operation: 'query' | 'mutation',
  name: string,
): Resolver | undefined {
  const answer = own(operation === 'query' ? QUERIES : MUTATIONS, name)
  if (!answer) return undefined
  return (args, selected) => {
    if (twenty.faults.http.metadataForbidden && caller.kind === 'apiKey')
      throw badRequest('Entity performing the request does not have permission', 'PERMISSION_DENIED')
    return pick(answer(twenty, args, caller), selected)
  }
}

const ROLE = { id: stableId('role', 'admin'), label: 'Admin', canUpdateAllSettings: true }

const QUERIES: Record<string, Answerer | undefined> = {
  objects: ({ records: { schema } }, args) =>
    connection(
      schema.objects().map(object => node(schema, object)),
      args,
    ),
  object: (twenty, args) => {
    const { schema } = twenty.records
    return node(schema, twenty.metadata.editor.objectById(args.id))
  },
  fields: ({ records: { schema } }, args) =>
    connection(
      schema.objects().flatMap(object => object.fields.map(field => describeField(schema, field))),
      args,
    ),
  webhooks: twenty => twenty.webhooks.list(),
  webhook: (twenty, args) => twenty.webhooks.get(String(args.id ?? inputOf(args).id)) ?? null,
  apiKeys: twenty => twenty.apiKeys(),
  getRoles: () => [ROLE],
}

const MUTATIONS: Record<string, Answerer | undefined> = {
  createWebhook: (twenty, args) => twenty.webhooks.create(args.input),
  updateWebhook: (twenty, args) => twenty.webhooks.update(String(inputOf(args).id), inputOf(args).update),
  deleteWebhook: (twenty, args) => twenty.webhooks.delete(String(args.id ?? inputOf(args).id)),
  createOneObject: (twenty, args, caller) =>
    asNode(twenty, twenty.metadata.create('object', inputOf(args).object, caller)),
  updateOneObject: (twenty, args, caller) =>
    asNode(twenty, twenty.metadata.update('object', String(inputOf(args).id), inputOf(args).update, caller)),
  deleteOneObject: (twenty, args, caller) => ({
    id: twenty.metadata.delete('object', String(inputOf(args).id), caller),
  }),
  createOneField: (twenty, args, caller) => twenty.metadata.create('field', inputOf(args).field, caller),
  updateOneField: (twenty, args, caller) =>
    twenty.metadata.update('field', String(inputOf(args).id), inputOf(args).update, caller),
  deleteOneField: (twenty, args, caller) => ({ id: twenty.metadata.delete('field', String(inputOf(args).id), caller) }),
  createOneIndex: (twenty, args) => twenty.metadata.editor.createIndex(inputOf({ input: inputOf(args).index })),
  createApiKey: (twenty, args) => twenty.createApiKey(inputOf(args)),
  generateApiKeyToken(twenty, args) {
    const token = twenty.generateToken(String(args.apiKeyId))
    if (token === undefined) throw notFound('API key not found')
    return { token }
  },
}

function inputOf(args: Args): Args {
  if (typeof args.input !== 'object' || args.input === null) throw badRequest('input is missing')
  return args.input as Args
}

type Schema = Twenty['records']['schema']

/** As GraphQL shows an object: `fieldsList` is a list, `fields` a connection. */
function node(schema: Schema, object: Parameters<typeof describeObject>[1]): { id: string } {
  return shown(describeObject(schema, object))
}

function asNode(twenty: Twenty, item: { id: string }): unknown {
  const { schema } = twenty.records
  return node(schema, schema.objects().find(object => object.id === item.id)!)
}

function shown(object: ReturnType<typeof describeObject>): { id: string } {
  return {
    ...object,
    fieldsList: object.fields,
    fields: connection(object.fields, { paging: { first: 1000 } }),
    indexMetadataList: object.indexMetadatas,
  } as { id: string }
}

function connection(items: readonly { readonly id: string }[], args: Args) {
  const paging = (args.paging ?? {}) as { first?: number; after?: string }
  const start = paging.after ? items.findIndex(item => item.id === paging.after) + 1 : 0
  const page = items.slice(start, start + (paging.first ?? 10))
  return {
    edges: page.map(item => ({ node: item, cursor: item.id })),
    pageInfo: {
      hasNextPage: start + page.length < items.length,
      hasPreviousPage: start > 0,
      startCursor: page[0]?.id ?? null,
      endCursor: page.at(-1)?.id ?? null,
    },
    totalCount: items.length,
  }
}
