import type { Fields } from '../../event.ts'
import type { CallOptions, Send } from './calls.ts'
import { isFields, listed } from './metadata.ts'

/** Every item of a collection under `/rest/metadata`, whichever envelope and paging the server version has. */
export async function allMetadata(
  send: Send,
  name: string,
  query: Readonly<Record<string, string>>,
  options?: CallOptions,
): Promise<Fields[]> {
  const rows: Fields[] = []
  for (let after: string | undefined; ; ) {
    const url = `/metadata/${name}`
    const answer = await send({ method: 'GET', url, query: { ...query, limit: 1000, starting_after: after } }, options)
    const body = answer.json()
    rows.push(...listed(body, name))
    const info = isFields(body) && isFields(body.pageInfo) ? body.pageInfo : {}
    // A server that ignores the cursor would give the first page for ever.
    if (info.hasNextPage !== true || typeof info.endCursor !== 'string' || info.endCursor === after) return rows
    after = info.endCursor
  }
}
