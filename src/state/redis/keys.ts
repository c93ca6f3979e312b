import { SyncError } from '../../errors.ts'
import { tagOf } from '../state-store.ts'

/**
 * Names on the server. The prefix stands before the braces, so the tag alone decides the slot:
 *   prefix:{tag}:family:rest   a state key, a hash of v (JSON) and r (version); a key written as a hash: its own names
 *   prefix#versions:{tag}      the last version given to a key of the tag
 *   prefix#lease:name          who holds a lease
 *   prefix#limit:name          buckets and block of a rate limit
 */
export class RedisKeys {
  readonly #prefix: string

  constructor(prefix: string) {
    if (/[{}]/.test(prefix)) {
      throw new SyncError('fatal', 'STATE_CONFIG', `state.prefix "${prefix}" may not have braces: they decide the slot`)
    }
    this.#prefix = prefix
  }

  state(key: string): string {
    return `${this.#prefix}:${key}`
  }

  /** The state key of a name on the server. */
  keyOf(name: string): string {
    return name.slice(this.#prefix.length + 1)
  }

  versions(key: string): string {
    return `${this.#prefix}#versions:{${tagOf(key)}}`
  }

  lease(name: string): string {
    return `${this.#prefix}#lease:${name}`
  }

  limit(name: string): string {
    return `${this.#prefix}#limit:${name}`
  }

  /** Glob of all state keys that begin with `prefix`, letter by letter. */
  pattern(prefix: string): string {
    return `${this.state(prefix).replace(/[*?[\]\\]/g, '\\$&')}*`
  }
}
