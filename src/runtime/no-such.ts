import { SyncError } from '../errors.ts'
import { nearest } from '../nearest.ts'

/** rejected `NO_SUCH_<what>`, with the nearest name and all that there are. */
export function noSuch(what: string, name: string, known: readonly string[], kind = what.toLowerCase()): SyncError {
  const meant = nearest(name, known)
  const suggestion = meant === undefined ? '' : ` Did you mean "${meant}"?`
  const all = known.length === 0 ? 'There is none.' : `There ${known.length === 1 ? 'is' : 'are'}: ${known.join(', ')}.`
  return new SyncError('rejected', `NO_SUCH_${what}`, `no ${kind} "${name}".${suggestion} ${all}`, {
    details: { known, ...(meant !== undefined && { suggestion: meant }) },
  })
}
