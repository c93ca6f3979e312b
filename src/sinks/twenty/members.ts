import type { CallOptions } from '../../clients/twenty/calls.ts'
import type { TwentyClient } from '../../clients/twenty/client.ts'
import type { TwentySchema } from '../../clients/twenty/schema.ts'
import type { Clock } from '../../environment.ts'
import type { Item } from '../sink.ts'

const KEEP_MS = 600_000
/** Somebody may just have joined. */
const ASK_AGAIN_MS = 60_000
const MOST_PAGES = 10

/** Ids of workspace members by e-mail in lower case, remembered for some minutes. */
export class Members {
  readonly #client: TwentyClient
  readonly #clock: Clock
  #known: ReadonlyMap<string, string> = new Map()
  #readAt = Number.NEGATIVE_INFINITY

  constructor(client: TwentyClient, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** All members, when an item names an assignee; at most one that it names is unknown for a minute. */
  async of(items: readonly Item[], schema: TwentySchema, options: CallOptions): Promise<ReadonlyMap<string, string>> {
    const emails = items.flatMap(({ args }) =>
      typeof args.assignee === 'string' && args.assignee !== '' ? [args.assignee.toLowerCase()] : [],
    )
    return this.withEmails(emails, schema, options)
  }

  /** @param emails in lower case. */
  async withEmails(
    emails: readonly string[],
    schema: TwentySchema,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, string>> {
    if (emails.length === 0) return this.#known
    const age = this.#clock.elapsed() - this.#readAt
    const missing = emails.some(email => !this.#known.has(email))
    if (age >= KEEP_MS || (missing && age >= ASK_AGAIN_MS)) await this.#read(schema, options)
    return this.#known
  }

  async #read(schema: TwentySchema, options: CallOptions): Promise<void> {
    const object = schema.object('workspaceMember')
    const found = new Map<string, string>()
    let after: string | undefined
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page = await this.#client.find(object, { after }, options)
      for (const row of page.rows) found.set(String(row.userEmail).toLowerCase(), row.id)
      if (page.next === undefined || page.next === after) break
      after = page.next
    }
    this.#known = found
    this.#readAt = this.#clock.elapsed()
  }
}
