import type { TopicMessages } from 'kafkajs'
import { SyncError } from '../../errors.ts'
import { nextTurn } from '../../next-turn.ts'
import { isTooLarge } from './log-error.ts'
import type { TopicLimits } from './topics.ts'
import type { OutgoingRecord } from './wire.ts'

/** Of one request, over all topics. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024

/** One caller's records on their way; `unsent` counts down to the promise. */
interface Call {
  readonly topic: string
  readonly limits: TopicLimits
  readonly records: readonly OutgoingRecord[]
  /** Records given to a request. */
  next: number
  /** Records acknowledged. */
  acknowledged: number
  failed: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Part of a call that goes in one request. */
interface Slice {
  readonly call: Call
  readonly records: readonly OutgoingRecord[]
}

/**
 * Gathers what is appended while a request is under way, or within one turn of the event loop, into the next request:
 * kafkajs itself sends each call alone, at a fifth of the speed. One request at a time, so a topic's order is the calls'.
 */
export class AppendQueue {
  readonly #send: (batch: TopicMessages[]) => Promise<void>
  readonly #waiting = new Map<string, Call[]>()
  #running: Promise<void> | undefined

  constructor(send: (batch: TopicMessages[]) => Promise<void>) {
    this.#send = send
  }

  /** P1: resolves once every record is acknowledged; rejects when any is not. */
  append(topic: string, records: readonly OutgoingRecord[], limits: TopicLimits): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = { topic, limits, records, next: 0, acknowledged: 0, failed: false, resolve, reject }
      const calls = this.#waiting.get(topic)
      if (calls) calls.push(call)
      else this.#waiting.set(topic, [call])
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing is waiting. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    await nextTurn()
    while (this.#waiting.size > 0) await this.#deliver(this.#nextBatch())
    this.#running = undefined
  }

  #nextBatch(): Slice[] {
    const slices: Slice[] = []
    let room = MAX_REQUEST_BYTES
    for (const [topic, calls] of this.#waiting) {
      room -= fill(slices, calls, room)
      if (calls.length === 0) this.#waiting.delete(topic)
      if (room <= 0) break
    }
    return slices
  }

  async #deliver(slices: readonly Slice[]): Promise<void> {
    const live = slices.filter(({ call }) => !call.failed)
    if (live.length === 0) return
    try {
      await this.#send(messagesOf(live))
      for (const slice of live) acknowledge(slice)
    } catch (error) {
      if (isTooLarge(error)) await this.#deliverApart(live, error)
      else for (const { call } of live) this.#fail(call, error)
    }
  }

  /** A record that the broker refuses for its size must not fail its neighbours: halves, until it is alone. */
  async #deliverApart(slices: readonly Slice[], error: unknown): Promise<void> {
    if (slices.length > 1) {
      for (const slice of slices) await this.#deliver([slice])
      return
    }
    const [{ call, records }] = slices as readonly [Slice]
    if (records.length === 1) return this.#fail(call, tooLarge(call, error))
    const middle = Math.ceil(records.length / 2)
    await this.#deliver([{ call, records: records.slice(0, middle) }])
    await this.#deliver([{ call, records: records.slice(middle) }])
  }

  #fail(call: Call, error: unknown): void {
    call.failed = true
    const calls = this.#waiting.get(call.topic)
    if (calls?.[0] === call) calls.shift()
    if (calls?.length === 0) this.#waiting.delete(call.topic)
    call.reject(error)
  }
}

/** Takes from the calls of one topic, in order, what fits in a batch of it; at least one record. Returns its bytes. */
function fill(slices: Slice[], calls: Call[], room: number): number {
  let taken = 0
  while (calls.length > 0) {
    const call = calls[0]!
    const limit = Math.min(room, call.limits.maxBatchBytes)
    const start = call.next
    while (call.next < call.records.length) {
      const { bytes } = call.records[call.next]!
      if (taken > 0 && taken + bytes > limit) break
      taken += bytes
      call.next++
    }
    if (call.next > start) slices.push({ call, records: call.records.slice(start, call.next) })
    if (call.next < call.records.length) break
    calls.shift()
  }
  return taken
}

function messagesOf(slices: readonly Slice[]): TopicMessages[] {
  const byTopic = new Map<string, TopicMessages>()
  for (const { call, records } of slices) {
    const topic = byTopic.get(call.topic) ?? { topic: call.topic, messages: [] }
    for (const { message } of records) topic.messages.push(message)
    byTopic.set(call.topic, topic)
  }
  return [...byTopic.values()]
}

function acknowledge({ call, records }: Slice): void {
  call.acknowledged += records.length
  if (call.acknowledged === call.records.length) call.resolve()
}

function tooLarge({ topic, limits }: Call, cause: unknown): SyncError {
  const message = `a record is larger than the broker takes on topic "${topic}" (${limits.maxBatchBytes} bytes a batch): raise max.message.bytes, or send less`
  return new SyncError('rejected', 'RECORD_TOO_LARGE', message, { cause, details: { limit: limits.maxBatchBytes } })
}
