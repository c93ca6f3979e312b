import { SyncError } from '../errors.ts'
import type { Link } from './link.ts'
import type { LinkStore } from './link-store.ts'

/** Links of one sync to look in. */
export interface SearchedSync {
  readonly name: string
  readonly store: LinkStore
}

export interface FoundLink<Sync extends SearchedSync> {
  readonly sync: Sync
  readonly link: Link
}

const MOST = 6

/**
 * The one link that is meant: by its id, by the id of its record on either side, or by a beginning of these that no other
 * has. A whole id goes before a beginning.
 * @throws SyncError rejected `NO_SUCH_LINK`, `AMBIGUOUS_LINK`.
 */
export async function findLink<Sync extends SearchedSync>(
  syncs: readonly Sync[],
  text: string,
): Promise<FoundLink<Sync>> {
  const exact = (await Promise.all(syncs.map(sync => exactly(sync, text)))).flat()
  const found = exact.length > 0 ? exact : (await Promise.all(syncs.map(sync => beginning(sync, text)))).flat()
  if (found.length === 1) return found[0]!
  const place = syncs.length === 1 ? ` of ${syncs[0]!.name}` : ''
  if (found.length === 0) {
    const message = `no pair${place} has the id "${text}", nor a record with it; see \`twenty-sync links list\``
    throw new SyncError('rejected', 'NO_SUCH_LINK', message)
  }
  const some = found.slice(0, MOST - 1).map(({ sync, link }) => `${link.id} (${sync.name})`)
  const more = found.length >= MOST ? ', …' : ''
  const isShared = new Set(found.map(({ sync }) => sync.name)).size > 1
  const advice = isShared ? 'give more of it, or the sync with --sync' : 'give more of it'
  throw new SyncError('rejected', 'AMBIGUOUS_LINK', `"${text}" may mean ${some.join(', ')}${more}; ${advice}`)
}

async function exactly<Sync extends SearchedSync>(sync: Sync, text: string): Promise<FoundLink<Sync>[]> {
  const { store } = sync
  const ids = await Promise.all([store.linkIdsOf('left', [text]), store.linkIdsOf('right', [text])])
  return load(sync, [text, ...ids.flat()])
}

async function beginning<Sync extends SearchedSync>(sync: Sync, text: string): Promise<FoundLink<Sync>[]> {
  return text === '' ? [] : load(sync, await sync.store.idsBeginning(text, MOST))
}

async function load<Sync extends SearchedSync>(
  sync: Sync,
  ids: readonly (string | undefined)[],
): Promise<FoundLink<Sync>[]> {
  const known = [...new Set(ids.filter(id => id !== undefined))]
  const links = await sync.store.load(known)
  return links.flatMap(link => (link ? [{ sync, link }] : []))
}
