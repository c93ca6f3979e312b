import type { Stripe } from '../../clients/stripe/client.ts'
import { detailsOf, REPLAYED } from '../../clients/stripe/errors.ts'
import { SyncError } from '../../errors.ts'
import { derivedId } from '../../identity.ts'

/** More than the tries of a day use up, each of which may end in a failure that is kept: by then the first is forgotten. */
const MOST_KEYS = 100

export interface KeyedCall<T> {
  /** What the call is about, the same for ever: its keys are derived from it. */
  readonly name: readonly string[]
  readonly call: (idempotencyKey: string) => Promise<Stripe.Response<T>>
  /** Looks for the effect where it is seen at once. @param answer what Stripe had kept, when that was no failure. */
  readonly seen: (answer: T | undefined) => Promise<T | undefined>
}

/**
 * P3: a call under a key of its own. Stripe keeps the first answer of a key, a 500 too, and gives it to every repeat.
 * Such an answer tells what was: the effect is looked for, and only when it is not there another key is used. Keys
 * follow one after the other from the same name, so that a process that died takes up where it was.
 */
export async function once<T>({ name, call, seen }: KeyedCall<T>): Promise<T> {
  for (let count = 1; ; count++) {
    const kept = await attempt(call, derivedId('stripe', ...name, String(count)))
    if ('fresh' in kept) return kept.fresh
    const there = await seen(kept.answer)
    if (there !== undefined) return there
    if (count === MOST_KEYS) throw kept.error ?? usedUp(name)
  }
}

type Attempt<T> = { readonly fresh: T } | { readonly answer?: T; readonly error?: SyncError }

async function attempt<T>(call: KeyedCall<T>['call'], key: string): Promise<Attempt<T>> {
  try {
    const answer = await call(key)
    return answer.lastResponse.headers[REPLAYED] === 'true' ? { answer } : { fresh: answer }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    // Under another request the key tells of a call that ended, too.
    if (!detailsOf(error).replayed && error.code !== 'STRIPE_KEY_TAKEN') throw error
    return { error }
  }
}

function usedUp(name: readonly string[]): SyncError {
  const message = `what Stripe keeps under the keys of ${name.join('/')} is not there any more; look there, then redrive in a day`
  return new SyncError('retryable', 'STRIPE_KEY_TAKEN', message, { outcomeUnknown: true })
}
