import { badRequest } from '../errors.ts'
import { type Answer, ok } from '../http.ts'
import { capital } from '../schema/standard-objects.ts'
import type { Twenty } from '../twenty.ts'

/** A short OpenAPI document: the paths that are served and the columns of each object. */
export function openApi(twenty: Twenty, document: string | undefined): Answer {
  if (document !== 'core' && document !== 'metadata') throw badRequest(`No OpenAPI document '${document ?? ''}'`)
  const objects = document === 'core' ? twenty.records.schema.objects() : []
  const paths = Object.fromEntries(
    objects.flatMap(object => [
      [`/${object.namePlural}`, operations(object.namePlural, ['get', 'post', 'patch', 'delete'])],
      [`/batch/${object.namePlural}`, operations(object.namePlural, ['post'])],
      [`/${object.namePlural}/{id}`, operations(object.namePlural, ['get', 'patch', 'delete'])],
    ]),
  )
  const schemas = Object.fromEntries(
    objects.map(object => [
      capital(object.nameSingular),
      { type: 'object', properties: Object.fromEntries([...object.columns.keys()].map(column => [column, {}])) },
    ]),
  )
  return ok({
    openapi: '3.1.1',
    info: { title: 'Twenty Api (sandbox)', version: 'sandbox' },
    paths,
    components: { schemas },
  })
}

function operations(tag: string, methods: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(methods.map(method => [method, { tags: [tag], responses: {} }]))
}
