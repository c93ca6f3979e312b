import type { Link } from '../sync/link.ts'
import { stateOf } from '../sync/link-state.ts'
import { nameOf } from './link-report.ts'
import type { LinkListQuery, ListedLink } from './sync-reports.ts'
import type { OpenSync } from './sync-status.ts'

/** Links whose state is asked for at once. */
const AT_ONCE = 200

/** Pairs as the state gives them, without holding them: a sync may have a million. Ends when `signal` is aborted. */
export async function* listedLinks(
  syncs: readonly OpenSync[],
  query: LinkListQuery,
  signal: AbortSignal,
): AsyncIterable<ListedLink> {
  let left = query.limit ?? Number.POSITIVE_INFINITY
  for (const sync of syncs) {
    const links = query.record === undefined ? sync.store.all() : sync.store.withRecord(query.record)
    for await (const some of chunks(wanted(links, query), AT_ONCE)) {
      const due = await sync.store.areDue(some.map(({ id }) => id))
      for (const [at, link] of some.entries()) {
        const listed = listedLink(sync, link, due[at]!)
        if (query.state !== undefined && listed.state !== query.state) continue
        if (signal.aborted || left-- <= 0) return
        yield listed
      }
    }
  }
}

/** Without the tombstones, where nobody asks for them. */
async function* wanted(links: AsyncIterable<Link>, { all, record, state }: LinkListQuery): AsyncIterable<Link> {
  const isAsked = all || record !== undefined || state === 'deleted' || state === 'unlinked'
  for await (const link of links) if (isAsked || !link.ended) yield link
}

async function* chunks<T>(items: AsyncIterable<T>, size: number): AsyncIterable<T[]> {
  let chunk: T[] = []
  for await (const item of items) {
    chunk.push(item)
    if (chunk.length < size) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}

function listedLink({ name, compiled: { config } }: OpenSync, link: Link, isDue: boolean): ListedLink {
  return {
    sync: name,
    id: link.id,
    state: stateOf(link, isDue),
    left: { ...nameOf(config, 'left'), ...(link.left && { id: link.left.id }) },
    right: { ...nameOf(config, 'right'), ...(link.right && { id: link.right.id }) },
  }
}
