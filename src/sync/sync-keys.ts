import type { SideName } from '../config/config.ts'

/** State keys of one sync. They share a tag, so that a link and its indexes change in one commit. */
export class SyncKeys {
  readonly #tag: string

  constructor(identity: string) {
    this.#tag = `{sync/${identity}}`
  }

  /** Whether a person paused it. */
  get control(): string {
    return `${this.#tag}:control`
  }

  link(id: string): string {
    return `${this.#tag}:link:${id}`
  }

  /** Every key of a link's own. */
  allOf(id: string): string[] {
    return [this.link(id), this.due(id), this.conflict(id)]
  }

  get links(): string {
    return `${this.#tag}:link:`
  }

  /** Record of a side to its link. */
  record(side: SideName, id: string): string {
    return `${this.#tag}:${side}:${id}`
  }

  /** Links that hold a match key. */
  match(key: string): string {
    return `${this.#tag}:key:${key}`
  }

  get matches(): string {
    return `${this.#tag}:key:`
  }

  /** A link with something to write, or to look at again. */
  due(id: string): string {
    return `${this.#tag}:due:${id}`
  }

  get dues(): string {
    return `${this.#tag}:due:`
  }

  /** Sync timestamps of a link, field to time and side: a hash, written only. */
  times(id: string): string {
    return `${this.#tag}:times:${id}`
  }

  /** What waits for a person about a link, in short. */
  conflict(id: string): string {
    return `${this.#tag}:conflict:${id}`
  }

  get conflicts(): string {
    return `${this.#tag}:conflict:`
  }

  /** Links with a create under way on a side that chooses its own ids. */
  creating(side: SideName): string {
    return `${this.#tag}:creating:${side}`
  }

  /** Links whose create on that side has an unknown outcome and no key by which the record could be found. */
  unknown(side: SideName): string {
    return `${this.#tag}:unknown:${side}`
  }

  /** Cursors of the first walk, and when the last complete one was. */
  get progress(): string {
    return `${this.#tag}:progress`
  }

  /** Creates, updates and deletes of the hour, and what a person let pass. */
  get guard(): string {
    return `${this.#tag}:guard`
  }

  /** Task in Twenty to the link that it asks about. */
  task(id: string): string {
    return `${this.#tag}:task:${id}`
  }

  /** What a person is asked about a link. */
  question(id: string): string {
    return `${this.#tag}:question:${id}`
  }

  get questions(): string {
    return `${this.#tag}:question:`
  }

  /** How many tasks are open, and the one that says how many questions wait. */
  get board(): string {
    return `${this.#tag}:board`
  }
}
