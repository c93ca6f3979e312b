import { TwentyError } from '../errors.ts'
import { type Answer, asObject, type Call, ok } from '../http.ts'
import type { Twenty } from '../twenty.ts'
import { execute, type GraphqlRequest, graphqlError, type Resolver } from './execute.ts'
import { metadataResolver } from './metadata.ts'
import { recordResolver } from './records.ts'

/** `POST /graphql` for records, `POST /metadata` for the data model, webhooks and keys. Errors come with 200. */
export function handleGraphql(twenty: Twenty, api: 'graphql' | 'metadata', call: Call): Answer {
  if (call.method !== 'POST') throw new TwentyError(405, 'MethodNotAllowed', 'GraphQL is served by POST only')
  const find = api === 'graphql' ? recordResolver : metadataResolver
  const throttled: TwentyError[] = []
  try {
    const result = execute(asObject(call.body()) as GraphqlRequest, (operation, name) => {
      const resolver = find(twenty, call.caller, operation, name)
      return resolver && api === 'graphql' ? metered(twenty, call, resolver, throttled) : resolver
    })
    if (throttled[0] && twenty.faults.versions.throttledGraphqlStatus === 429) throw throttled[0]
    return ok(result)
  } catch (error) {
    if (!(error instanceof TwentyError) || error === throttled[0]) throw error
    return { status: 200, body: { errors: [graphqlError(error)] } }
  }
}

/** Each root field is one execution for the rate limit. */
function metered(twenty: Twenty, call: Call, resolver: Resolver, throttled: TwentyError[]): Resolver {
  return (args, selected) => {
    try {
      if (call.caller.kind === 'apiKey') twenty.rateLimit.take()
    } catch (error) {
      if (error instanceof TwentyError) throttled.push(error)
      throw error
    }
    return resolver(args, selected)
  }
}

/** True for a body whose operation only reads. */
export function readsOnly(body: string | undefined): boolean {
  try {
    const { query } = JSON.parse(body ?? '') as GraphqlRequest
    return !/(^|[\s}])mutation\b/.test(String(query))
  } catch {
    return true
  }
}
