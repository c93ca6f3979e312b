import type { Answer } from '../twenty/http.ts'
import { Refusal } from './refusal.ts'

const KEPT_MS = 24 * 3_600_000

interface Kept {
  readonly request: string
  readonly answer: Answer
  readonly at: number
}

/**
 * Stripe's own idempotency: the first answer of a key, a 500 too, is kept with its parameters for a day, and given to
 * every repeat. Refusals of parameters are not kept, nor what was refused for the rate.
 */
export class Idempotency {
  readonly #kept = new Map<string, Kept>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** The kept answer. @throws Refusal when the parameters differ. */
  repeat(key: string, request: string): Answer | undefined {
    const kept = this.#kept.get(key)
    if (!kept) return undefined
    if (this.#now() - kept.at >= KEPT_MS) {
      this.#kept.delete(key)
      return undefined
    }
    if (kept.request !== request) {
      const message =
        'Keys for idempotent requests can only be used with the same parameters they were first used with. ' +
        `Try using a key other than '${key}' if you meant to execute a different request.`
      throw new Refusal(400, message, { type: 'idempotency_error' })
    }
    return { ...kept.answer, headers: { ...kept.answer.headers, 'idempotent-replayed': 'true' } }
  }

  keep(key: string, request: string, answer: Answer): void {
    this.#kept.set(key, { request, answer: structuredClone(answer), at: this.#now() })
  }

  clear(): void {
    this.#kept.clear()
  }
}
