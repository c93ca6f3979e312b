import type { HttpCall } from '../../clients/http.ts'
import { isolate } from '../../clients/isolate.ts'
import { valueAt } from '../../clients/rest/paths.ts'
import type { Expression } from '../../config/definition.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import type { Batch, Delivery, Item } from '../sink.ts'
import { chosen, type HttpResult } from './answer.ts'
import { argsOf, type BatchArgs, bodyOf, type CallHead, headOf, type RequestArgs, withBody } from './request.ts'

type Send = (call: HttpCall, args: RequestArgs) => Promise<HttpResult>

type Answers = NonNullable<BatchArgs['answers']>

const DETAIL_CHARACTERS = 2048

/** Steps that are written alike share their calls; whether their addresses are the same is seen at the call. */
export function batchOf({ args }: Item): Batch | undefined {
  const { batch, method, path, success, retry } = args as unknown as RequestArgs
  const kind = JSON.stringify([method, path, success ?? null, retry ?? null, batch])
  return batch && { deliver: batch.size, plan: 1, kind }
}

/** Joins items into calls, and gives each what the answer says of it. */
export class Batches {
  readonly #system: string
  readonly #compile: (source: string) => Expression
  readonly #compiled = new Map<string, Expression>()

  constructor(system: string, compile: (source: string) => Expression) {
    this.#system = system
    this.#compile = compile
  }

  /** Of items of one `kind`. One delivery each, same order. */
  async deliver(items: readonly Item[], send: Send): Promise<Delivery[]> {
    const deliveries = new Map<Item, Delivery>()
    const calls = new Map<string, { head: CallHead; items: Item[] }>()
    for (const item of items) {
      try {
        const head = headOf(argsOf(item))
        const address = JSON.stringify(head)
        const call = calls.get(address)
        if (call) call.items.push(item)
        else calls.set(address, { head, items: [item] })
      } catch (thrown) {
        deliveries.set(item, failed(thrown))
      }
    }
    const sent = [...calls.values()].map(call => this.#send(call.head, call.items, send, deliveries))
    await Promise.all(sent)
    return items.map(item => deliveries.get(item)!)
  }

  async #send(head: CallHead, items: readonly Item[], send: Send, deliveries: Map<Item, Delivery>): Promise<void> {
    for (const round of this.#rounds(items)) {
      // Also what one bad item did to a call as a whole happens to that item alone.
      const outcomes = await isolate(round, some => this.#exchange(head, some, send), { asksAlone: true })
      round.forEach((item, at) => {
        const outcome = outcomes[at]!
        deliveries.set(
          item,
          outcome instanceof SyncError
            ? failed(outcome)
            : { status: 'delivered', result: chosen(outcome, argsOf(item)) },
        )
      })
    }
  }

  /** Two items of one id would be given one answer, and which of them counts is for the order in time to say (P4). */
  #rounds(items: readonly Item[]): Item[][] {
    const id = argsOf(items[0]!).batch?.answers?.id
    const seen = new Map<string, number>()
    const rounds: Item[][] = []
    for (const item of items) {
      const own = id && this.#text(id.item, { item: argsOf(item).body })
      const round = own === undefined ? 0 : (seen.get(own) ?? 0)
      if (own !== undefined) seen.set(own, round + 1)
      rounds[round] ??= []
      rounds[round].push(item)
    }
    return rounds
  }

  async #exchange(head: CallHead, items: readonly Item[], send: Send): Promise<(HttpResult | SyncError)[]> {
    const args = argsOf(items[0]!)
    const bodies = items.map(item => argsOf(item).body)
    const { body } = args.batch!
    const joined = body === undefined ? bodies : this.#expression(body).evaluate({ items: bodies })
    const result = await send(withBody(head, bodyOf({ body: joined })), args)
    const { answers } = args.batch!
    if (!answers) return items.map(() => ({ ...result, body: null }))
    return this.#apart(result, answers, bodies, `${head.method} ${args.path}`)
  }

  /** What the answer says of each item. @throws SyncError retryable `INVALID_ANSWER` when it says nothing. */
  #apart(result: HttpResult, answers: Answers, bodies: readonly unknown[], target: string): (HttpResult | SyncError)[] {
    const taken = { ...result, body: null }
    const list = answers.at === undefined ? result.body : valueAt(result.body, answers.at)
    // An answer in which nothing failed may leave the list out.
    if ((list === undefined || list === null) && answers.only) return bodies.map(() => taken)
    const where = answers.at === undefined ? 'the answer' : `\`${answers.at}\` of the answer`
    if (!Array.isArray(list)) throw this.#invalid(target, `${where} is not a list; see \`answers\``)
    if (!answers.id) {
      if (list.length === bodies.length) return list.map(answer => this.#judged(result, answer, answers, target))
      throw this.#invalid(target, `${where} has ${list.length} entries for ${bodies.length} items`)
    }
    const { id } = answers
    const byId = new Map(list.map(answer => [this.#text(id.answer, { answer }), answer]))
    const ids = bodies.map(item => this.#text(id.item, { item }))
    const sent = new Set(ids)
    const strange = [...byId.keys()].find(each => each !== undefined && !sent.has(each))
    return ids.map(own => {
      if (own !== undefined && byId.has(own)) return this.#judged(result, byId.get(own), answers, target)
      if (!answers.only) return this.#invalid(target, `${where} says nothing of ${own ?? 'an item without an id'}`)
      // P2: whoever it is that was not taken may be this one.
      if (byId.has(undefined)) return this.#invalid(target, `${where} names no one; see \`answers.id\``)
      return strange === undefined ? taken : this.#invalid(target, `${where} names ${strange}, which was not sent`)
    })
  }

  #judged(call: HttpResult, answer: unknown, { ok, retry }: Answers, target: string): HttpResult | SyncError {
    const scope = { answer }
    try {
      if (ok !== undefined && this.#expression(ok).evaluate(scope) === true) return { ...call, body: answer }
      const mayPass = retry !== undefined && this.#expression(retry).evaluate(scope) === true
      const message = `${this.#system}: ${target} took the call, but not this item of it`
      const details = JSON.stringify(answer)?.slice(0, DETAIL_CHARACTERS)
      return new SyncError(mayPass ? 'retryable' : 'rejected', 'ITEM_REFUSED', message, { details })
    } catch (cause) {
      return this.#invalid(target, `what it says of an item cannot be judged: ${asSyncError(cause).message}`, cause)
    }
  }

  #invalid(target: string, why: string, cause?: unknown): SyncError {
    const message = `${this.#system}: ${target}: ${why}`
    return new SyncError('retryable', 'INVALID_ANSWER', message, { cause, outcomeUnknown: true })
  }

  #text(source: string, scope: Record<string, unknown>): string | undefined {
    try {
      const value = this.#expression(source).evaluate(scope)
      return value === undefined || value === null ? undefined : String(value)
    } catch {
      // What has no id is told apart by nothing; it is then said that nothing was said of it.
      return undefined
    }
  }

  #expression(source: string): Expression {
    let expression = this.#compiled.get(source)
    if (!expression) {
      expression = this.#compile(source)
      this.#compiled.set(source, expression)
    }
    return expression
  }
}

function failed(thrown: unknown): Delivery {
  return { status: 'failed', error: asSyncError(thrown) }
}
