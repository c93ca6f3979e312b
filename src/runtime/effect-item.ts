import type { Fields } from '../event.ts'
import { derivedId } from '../identity.ts'
import type { Item } from '../sinks/sink.ts'

/** One effect of one run, as its sink sees it. The id is a hash that most effects never ask for. */
export class EffectItem implements Item {
  readonly action: string
  readonly args: Fields
  readonly key: string
  readonly time: string
  readonly outcomeUnknown: boolean
  readonly priority: Item['priority']
  readonly scope?: Fields
  request: unknown = undefined
  #id: string | undefined

  constructor(
    action: string,
    args: Fields,
    key: string,
    time: string,
    outcomeUnknown: boolean,
    priority: Item['priority'],
    scope?: Fields,
  ) {
    this.action = action
    this.args = args
    this.key = key
    this.time = time
    this.outcomeUnknown = outcomeUnknown
    this.priority = priority
    if (scope) this.scope = scope
  }

  get id(): string {
    this.#id ??= derivedId('effect', this.key)
    return this.#id
  }
}
