const KEPT = 10_000

interface Seen {
  readonly version: string
  readonly destroyed: boolean
}

/**
 * What the last events said, in memory alone: while a transaction stays open, polls show what was committed beside it
 * again and again. Losing it costs events that come a second time, under the same id.
 */
export class RecentVersions {
  readonly #seen = new Map<string, Seen>()

  isNews(object: string, id: string, version: string, destroyed: boolean): boolean {
    const seen = this.#seen.get(`${object}/${id}`)
    if (!seen) return true
    // A delete that is read again after the row was made anew is older than what is known.
    return destroyed ? version > seen.version : seen.destroyed || version !== seen.version
  }

  /** Of the row's last event; undefined when it is not known, or the row was gone. */
  versionOf(object: string, id: string): string | undefined {
    const seen = this.#seen.get(`${object}/${id}`)
    return seen?.destroyed ? undefined : seen?.version
  }

  note(object: string, id: string, version: string, destroyed: boolean): void {
    const key = `${object}/${id}`
    this.#seen.delete(key)
    this.#seen.set(key, { version, destroyed })
    if (this.#seen.size > KEPT) this.#seen.delete(this.#seen.keys().next().value!)
  }
}
