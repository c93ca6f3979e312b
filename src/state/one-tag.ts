import { SyncError } from '../errors.ts'
import { tagOf, type Write } from './state-store.ts'

/** @throws SyncError fatal `STATE_CROSS_TAG`: on Redis Cluster such keys lie in different slots and cannot be written as one. */
export function assertOneTag(writes: readonly Write[]): void {
  let first: string | undefined
  for (const { key } of writes) {
    const tag = tagOf(key)
    first ??= tag
    if (tag === first) continue
    throw new SyncError(
      'fatal',
      'STATE_CROSS_TAG',
      `one commit over the tags {${first}} and {${tag}}: make it two commits`,
    )
  }
}
