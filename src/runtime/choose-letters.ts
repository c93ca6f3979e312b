import { SyncError } from '../errors.ts'
import type { DeadLetter, ListedLetter } from './dead-letters.ts'
import type { LetterChoice } from './operations.ts'

/**
 * Oldest first, none twice. An id takes a letter whatever became of it, `all` takes the open ones.
 * @throws SyncError rejected `NO_SUCH_DEAD_LETTER`, `AMBIGUOUS_DEAD_LETTER`; then none is chosen.
 */
export function chosenLetters(listed: readonly ListedLetter[], choice: LetterChoice): DeadLetter[] {
  const letters = choice.all
    ? listed.filter(({ letter, resolution }) => resolution === 'open' && (!choice.code || letter.code === choice.code))
    : (choice.ids ?? []).map(id => letterOf(listed, id, choice.flow))
  return [...new Set(letters.map(({ letter }) => letter))].sort(byPlace)
}

/** @param id the whole, or a beginning that only one letter has. */
export function letterOf(listed: readonly ListedLetter[], id: string, flow?: string): ListedLetter {
  const found = listed.filter(({ letter }) => letter.id.startsWith(id))
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    const ids = found.slice(0, 5).map(({ letter }) => letter.id)
    const more = found.length > 5 ? ', …' : ''
    throw new SyncError(
      'rejected',
      'AMBIGUOUS_DEAD_LETTER',
      `"${id}" begins ${found.length} dead letters: ${ids.join(', ')}${more}; give more of it`,
    )
  }
  const isFlow = listed.some(({ letter }) => letter.flow === id)
  const advice = isFlow ? `"${id}" is a flow; name it with --flow` : 'see `twenty-sync dead-letters list --all`'
  const where = flow === undefined ? '' : ` of flow "${flow}"`
  throw new SyncError('rejected', 'NO_SUCH_DEAD_LETTER', `no dead letter${where} has the id "${id}"; ${advice}`)
}

/** P4: events of one record lie in one partition, and go back in the order in which they lie there. */
function byPlace(a: DeadLetter, b: DeadLetter): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  return a.partition - b.partition || a.offset - b.offset
}
