import type { TwentyObject, TwentySchema } from '../../clients/twenty/schema.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import { derivedId } from '../../identity.ts'
import type { RowIndex } from './row-index.ts'
import type { LinkTo, Wish } from './wish.ts'

/** The object whose rows show a note or task at other records. @throws SyncError rejected `LINK_NOT_POSSIBLE`. */
export function targetsObject(object: TwentyObject, schema: TwentySchema): TwentyObject {
  const targets = schema.objects.get(`${object.name}Target`)
  if (targets && (object.name === 'note' || object.name === 'task')) return targets
  throw new SyncError('rejected', 'LINK_NOT_POSSIBLE', `link is for notes and tasks; a ${object.name} has no links`)
}

/** Older servers have `personId` where newer have `targetPersonId`. */
export function linkColumn(targets: TwentyObject, object: string): string {
  const capital = object.charAt(0).toUpperCase() + object.slice(1)
  const column = [`target${capital}Id`, `${object}Id`].find(name => targets.columns.has(name))
  if (column) return column
  throw new SyncError('rejected', 'LINK_NOT_POSSIBLE', `Twenty's ${targets.name} cannot show a ${object}`)
}

/**
 * Rows to be made so that the record shows at all its links. Each has an id of its own, derived from the effect's key,
 * so that doing it again makes no second one. A link that somebody took off is not put back.
 */
export function linkRows(wish: Wish, recordId: string, schema: TwentySchema, index: RowIndex): Fields[] {
  if (wish.links.length === 0) return []
  const targets = targetsObject(wish.object, schema)
  const parent = `${wish.object.name}Id`
  const present = index.matching(targets.name, [[{ at: targets.resolve(parent), value: recordId }]])
  return distinct(wish.links).flatMap(link => {
    const column = linkColumn(targets, link.object)
    const id = derivedId(wish.item.key, 'link', link.object, link.id)
    if (present.some(row => row.id === id || (row[column] === link.id && !row.deletedAt))) return []
    return [{ id, [parent]: recordId, [column]: link.id }]
  })
}

function distinct(links: readonly LinkTo[]): LinkTo[] {
  return [...new Map(links.map(link => [`${link.object}/${link.id}`, link])).values()]
}
