import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { ChangeEvent, Fields } from '../event.ts'
import { derivedId } from '../identity.ts'
import type { EventLog, LoggedEvent, StartPosition } from '../log/event-log.ts'
import type { StateStore } from '../state/state-store.ts'
import { FlowKeys } from './flow-keys.ts'
import type { Redactor } from './redact.ts'
import type { TopicNames } from './topics.ts'

export interface DeadLetter {
  readonly id: string
  readonly flow: string
  readonly step: string
  readonly code: string
  readonly kind: string
  readonly message: string
  readonly status?: number
  readonly details?: unknown
  readonly attempts: number
  readonly firstAt: string
  readonly lastAt: string
  readonly configHash: string
  /** Where the event lies. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The event as it came in. */
  readonly event: Omit<ChangeEvent, 'raw'>
  /** What the failing step saw: names that earlier steps had added. */
  readonly names: Fields
}

export type Resolution = 'open' | 'redriven' | 'discarded'

type LetterKey = Pick<DeadLetter, 'id' | 'lastAt'>

interface Seen {
  readonly next: Record<number, number>
  readonly letters: Map<string, LetterKey>
}

interface Resolved {
  readonly resolution: Resolution
  readonly at: string
}

export interface DeadLetterFacts {
  readonly flow: string
  readonly step: string
  readonly error: SyncError
  readonly attempts: number
  readonly firstAt: number
  readonly logged: LoggedEvent
  readonly names: Fields
}

/**
 * Events that flows gave up on. The letters themselves lie in the log, one topic per flow, so that nothing that was
 * accepted can be lost with the state; the state knows only what became of them.
 */
export class DeadLetters {
  readonly #log: EventLog
  readonly #state: StateStore
  readonly #clock: Clock
  readonly #topics: TopicNames
  readonly #redactor: Redactor
  readonly #configHash: string
  /** Per flow, what was counted so far and where to read on. */
  readonly #seen = new Map<string, Seen>()

  constructor(options: {
    log: EventLog
    state: StateStore
    clock: Clock
    topics: TopicNames
    redactor: Redactor
    configHash: string
  }) {
    this.#log = options.log
    this.#state = options.state
    this.#clock = options.clock
    this.#topics = options.topics
    this.#redactor = options.redactor
    this.#configHash = options.configHash
  }

  /** P2: durable when resolved. The same event of the same flow has one letter, however often it is written. */
  async write(facts: DeadLetterFacts): Promise<DeadLetter> {
    const { flow, error, logged } = facts
    const now = new Date(this.#clock.now()).toISOString()
    const letter: DeadLetter = {
      id: derivedId('dead-letter', flow, logged.event.id, `${logged.topic}/${logged.partition}/${logged.offset}`),
      flow,
      step: facts.step,
      code: error.code,
      kind: error.kind,
      message: error.message,
      ...(error.status !== undefined && { status: error.status }),
      ...(error.details !== undefined && { details: error.details }),
      attempts: facts.attempts,
      firstAt: new Date(facts.firstAt).toISOString(),
      lastAt: now,
      configHash: this.#configHash,
      topic: logged.topic,
      partition: logged.partition,
      offset: logged.offset,
      event: plain(logged.event),
      names: facts.names,
    }
    // P9: a secret that a system echoed back, or that a config value carried into a body, does not leave with it.
    const data = this.#redactor.redact(letter) as unknown as Fields
    await this.#log.append(this.#topics.deadLetters(flow), [
      {
        id: letter.id,
        type: 'dead-letter.written',
        source: `/flows/${flow}`,
        subject: `dead-letter/${letter.id}`,
        time: now,
        key: logged.event.key,
        data,
      },
    ])
    return letter
  }

  /** Newest first, each with what became of it. */
  async list(flow: string): Promise<{ letter: DeadLetter; resolution: Resolution }[]> {
    const letters = new Map<string, DeadLetter>()
    for await (const { event } of this.#log.read(this.#topics.deadLetters(flow))) {
      letters.delete(event.id)
      letters.set(event.id, event.data as unknown as DeadLetter)
    }
    const all = [...letters.values()].reverse()
    const resolutions = await this.#resolutions(flow, all)
    return all.map((letter, at) => ({ letter, resolution: resolutions[at]! }))
  }

  /** How many wait for a person. What was counted is not read again: this is asked at every look at the status. */
  async countOpen(flow: string): Promise<number> {
    const seen: Seen = this.#seen.get(flow) ?? { next: {}, letters: new Map() }
    this.#seen.set(flow, seen)
    const unread = this.#log.read(this.#topics.deadLetters(flow), { from: startAt(seen.next) })
    for await (const { event, partition, offset } of unread) {
      seen.letters.set(event.id, { id: event.id, lastAt: event.time })
      seen.next[partition] = offset + 1
    }
    const resolutions = await this.#resolutions(flow, [...seen.letters.values()])
    return resolutions.filter(resolution => resolution === 'open').length
  }

  async #resolutions(flow: string, letters: readonly LetterKey[]): Promise<Resolution[]> {
    const keys = new FlowKeys(flow)
    const entries = await this.#state.get(letters.map(letter => keys.deadLetter(letter.id)))
    return letters.map((letter, at) => resolutionOf(letter, entries[at]?.value as Resolved | undefined))
  }

  /** @param id the whole, or a beginning that only one letter has. */
  async find(flow: string, id: string): Promise<DeadLetter> {
    const found = (await this.list(flow)).filter(({ letter }) => letter.id.startsWith(id))
    if (found.length === 1) return found[0]!.letter
    if (found.length === 0)
      throw new SyncError('rejected', 'NO_SUCH_DEAD_LETTER', `flow "${flow}" has no dead letter ${id}`)
    throw new SyncError(
      'rejected',
      'AMBIGUOUS_DEAD_LETTER',
      `"${id}" begins ${found.length} dead letters; give more of it`,
    )
  }

  /**
   * Sends the event back to its flow. First the append, then the mark: a crash in between redrives twice at worst, and
   * the effects of one event are done once.
   */
  async redrive(letter: DeadLetter): Promise<void> {
    const original = await this.#original(letter)
    await this.#log.append(this.#topics.redrive(letter.flow), [original])
    await this.#resolve(letter, 'redriven')
  }

  discard(letter: DeadLetter): Promise<void> {
    return this.#resolve(letter, 'discarded')
  }

  /** From its topic while that keeps it, since the letter's copy is redacted. */
  async #original(letter: DeadLetter): Promise<ChangeEvent> {
    const range = {
      partition: letter.partition,
      from: { offsets: { [letter.partition]: letter.offset } },
      to: { offsets: { [letter.partition]: letter.offset + 1 } },
    }
    for await (const { event, offset } of this.#log.read(letter.topic, range)) {
      if (offset === letter.offset && event.id === letter.event.id) return event
    }
    return letter.event
  }

  async #resolve(letter: DeadLetter, resolution: Resolution): Promise<void> {
    const at = new Date(this.#clock.now()).toISOString()
    await this.#state.commit([{ key: new FlowKeys(letter.flow).deadLetter(letter.id), value: { resolution, at } }])
  }
}

/** A partition that gave nothing yet is read from its beginning. */
function startAt(next: Readonly<Record<number, number>>): StartPosition {
  return Object.keys(next).length === 0 ? 'earliest' : { offsets: next }
}

/** A letter written again after it was redriven is open again. */
function resolutionOf(letter: LetterKey, entry: Resolved | undefined): Resolution {
  return entry && entry.at >= letter.lastAt ? entry.resolution : 'open'
}

function plain(event: ChangeEvent): Omit<ChangeEvent, 'raw'> {
  const { id, type, source, subject, time, key, changed, extensions } = event
  return { id, type, source, subject, time, key, changed, extensions, data: readable(event) }
}

/** An event whose value is not even JSON is kept as text. */
function readable(event: ChangeEvent): Fields {
  try {
    return event.data
  } catch {
    return { text: Buffer.from(event.raw ?? []).toString('utf8') }
  }
}
