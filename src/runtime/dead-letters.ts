import type { Clock } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { type ChangeEvent, type Fields, recordIdOf } from '../event.ts'
import { derivedId } from '../identity.ts'
import type { EventLog, LoggedEvent, StartPosition } from '../log/event-log.ts'
import type { StateStore } from '../state/state-store.ts'
import {
  type DeadLetter,
  type DeadLetterFacts,
  Failures,
  keptEvent,
  type Mark,
  originalOf,
  type Resolution,
  resolutionOf,
  type StoredLetter,
} from './dead-letter.ts'
import { FlowKeys } from './flow-keys.ts'
import { correctedItem, itemEvent } from './lone-items.ts'
import type { Redactor } from './redact.ts'
import type { TopicNames } from './topics.ts'

export type { DeadLetter, DeadLetterFacts, Resolution } from './dead-letter.ts'

export interface ListedLetter {
  readonly letter: DeadLetter
  readonly resolution: Resolution
}

type Place = Failures['place']

interface Seen {
  readonly next: Record<number, number>
  readonly letters: Map<string, Place & { readonly id: string }>
}

/**
 * Events that flows gave up on. The letters themselves lie in the log, one topic per flow, so that nothing that was
 * accepted can be lost with the state; the state knows only what became of them.
 *
 * P9: a stored letter holds its event as it came in, as the event's own topic does. Whatever this class answers is
 * redacted; only `redrive` takes the event from the store, and sends it nowhere but to the log.
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
  /** Of letters that were given out. */
  readonly #places = new WeakMap<DeadLetter, Place>()

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

  /** P2: durable when resolved. What fails has one letter in its flow, however often it is written. */
  async write(facts: DeadLetterFacts): Promise<void> {
    const letter = this.#letterOf(facts)
    try {
      await this.#append(letter)
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (error.code !== 'RECORD_TOO_LARGE') throw error
      // The event itself always finds room.
      const details = 'left out, with what earlier steps had added: the letter was larger than its topic takes'
      const item = letter.item && { ...letter.item, value: null, names: {}, steps: {} }
      const message = letter.message.slice(0, 2000)
      await this.#append({ ...letter, message, details, names: {}, ...(item && { item, cut: true }) })
    }
  }

  #letterOf({ flow, step, error, attempts, firstAt, logged, names, item }: DeadLetterFacts): StoredLetter {
    const { topic, partition, offset, event } = logged
    // P9: a secret that a system echoed back, or that a config value carried into a body, does not leave with it.
    const told = this.#redactor.redact({ message: error.message, details: error.details, names })
    return {
      id: derivedId('dead-letter', flow, event.source, event.id, ...(item ? [item.prefix] : [])),
      flow,
      step,
      code: error.code,
      kind: error.kind,
      message: told.message,
      ...(error.status !== undefined && { status: error.status }),
      ...(told.details !== undefined && { details: told.details }),
      attempts,
      firstAt: new Date(firstAt).toISOString(),
      lastAt: new Date(this.#clock.now()).toISOString(),
      configHash: this.#configHash,
      topic,
      partition,
      offset,
      ...keptEvent(event),
      names: told.names,
      ...(item && { item }),
    }
  }

  async #append(letter: StoredLetter): Promise<void> {
    const event: ChangeEvent = {
      // Each failure of an event is an event of its own to who reads them; told once, however often it is appended.
      id: derivedId('dead-letter-failure', letter.id, letter.firstAt, String(letter.attempts)),
      type: 'dead-letter.written',
      source: `/flows/${letter.flow}`,
      subject: `dead-letter/${letter.id}`,
      time: letter.lastAt,
      // All failures of an event are in one partition, in their order.
      key: letter.event.key,
      data: letter as unknown as Fields,
    }
    await this.#log.append(this.#topics.deadLetters(letter.flow), [event])
  }

  /** Newest first, each with what became of it. */
  async list(flow: string): Promise<ListedLetter[]> {
    const found = new Map<string, Failures>()
    for await (const logged of this.#log.read(this.#topics.deadLetters(flow))) {
      const letter = storedIn(logged)
      const failures = found.get(letter.id)
      failures?.add(letter, logged)
      found.delete(letter.id)
      found.set(letter.id, failures ?? new Failures(letter, logged))
    }
    const all = [...found.values()].reverse()
    const marks = await this.#marks(flow, all)
    return all
      .map((failures, at) => this.#listed(failures, marks[at]))
      .sort((a, b) => b.letter.lastAt.localeCompare(a.letter.lastAt))
  }

  #listed(failures: Failures, mark: Mark | undefined): ListedLetter {
    const { raw: _raw, whole: _whole, cut: _cut, item, ...letter } = failures.letter(mark)
    const lone = item && { each: item.each, key: item.key, value: item.value }
    const shown: DeadLetter = this.#redactor.redact({ ...letter, ...(lone && { item: lone }) })
    this.#places.set(shown, failures.place)
    return { letter: shown, resolution: resolutionOf(failures.place, mark) }
  }

  /** How many wait for a person. What was counted is not read again: this is asked at every look at the status. */
  async countOpen(flow: string): Promise<number> {
    const seen: Seen = this.#seen.get(flow) ?? { next: {}, letters: new Map() }
    this.#seen.set(flow, seen)
    const unread = this.#log.read(this.#topics.deadLetters(flow), { from: startAt(seen.next) })
    for await (const { event, partition, offset } of unread) {
      const id = recordIdOf(event)
      seen.letters.set(id, { id, partition, offset })
      seen.next[partition] = offset + 1
    }
    const letters = [...seen.letters.values()]
    const marks = await this.#marks(flow, letters)
    return letters.filter((letter, at) => resolutionOf(letter, marks[at]) === 'open').length
  }

  async #marks(flow: string, letters: readonly { readonly id: string }[]): Promise<(Mark | undefined)[]> {
    const keys = new FlowKeys(flow)
    const entries = await this.#state.get(letters.map(({ id }) => keys.deadLetter(id)))
    return entries.map(entry => entry?.value as Mark | undefined)
  }

  /**
   * Sends the event back to its flow. First the append, then the mark: a crash in between redrives twice at worst, and
   * the effects of one event are done once.
   * @param letter one that `list` gave.
   * @param set fields of its data, or of its item, that a person corrected.
   * @throws SyncError rejected `NO_SUCH_DEAD_LETTER`, `EVENT_GONE`, `NOT_A_RECORD`.
   */
  async redrive(letter: DeadLetter, set?: Fields): Promise<void> {
    const place = this.#placeOf(letter)
    await this.#log.append(this.#topics.redrive(letter.flow), [await this.#redriven(letter, place, set)])
    await this.#mark(letter, place, 'redriven')
  }

  async discard(letter: DeadLetter): Promise<void> {
    await this.#mark(letter, this.#placeOf(letter), 'discarded')
  }

  #placeOf(letter: DeadLetter): Place {
    const place = this.#places.get(letter)
    if (!place) throw new SyncError('rejected', 'NO_SUCH_DEAD_LETTER', `dead letter ${letter.id} was not looked up`)
    return place
  }

  /** P9: never the redacted text in place of a secret, which the system at the other end would take for data. */
  async #redriven(letter: DeadLetter, place: Place, set: Fields | undefined): Promise<ChangeEvent> {
    const record = await this.#at(this.#topics.deadLetters(letter.flow), place)
    const stored = record && storedIn(record)
    if (letter.item) return loneItem(letter, stored, place, set)
    const original = await this.#original(letter, stored)
    return set ? corrected(original, set) : original
  }

  async #original(letter: DeadLetter, stored: StoredLetter | undefined): Promise<ChangeEvent> {
    if (stored?.id === letter.id && stored.whole) return originalOf(stored)
    const logged = await this.#at(letter.topic, letter)
    if (logged?.event.id === letter.event.id) return logged.event
    throw new SyncError(
      'rejected',
      'EVENT_GONE',
      `the event of dead letter ${letter.id} is no longer in topic "${letter.topic}", and the letter has no whole copy: ` +
        'send the event anew from where it came, then discard the letter',
    )
  }

  async #at(topic: string, { partition, offset }: Place): Promise<LoggedEvent | undefined> {
    const range = {
      partition,
      from: { offsets: { [partition]: offset } },
      to: { offsets: { [partition]: offset + 1 } },
    }
    for await (const logged of this.#log.read(topic, range)) if (logged.offset === offset) return logged
    return undefined
  }

  async #mark({ id, flow, attempts, firstAt }: DeadLetter, place: Place, resolution: Mark['resolution']) {
    const at = new Date(this.#clock.now()).toISOString()
    const value: Mark = { resolution, at, ...place, attempts, firstAt }
    await this.#state.commit([{ key: new FlowKeys(flow).deadLetter(id), value }])
  }
}

/** The item's steps go on from where they stopped, whatever became of its event since. */
function loneItem(
  letter: DeadLetter,
  stored: StoredLetter | undefined,
  place: Place,
  set: Fields | undefined,
): ChangeEvent {
  const { item } = stored ?? {}
  if (stored?.id === letter.id && item && !stored.cut) {
    return itemEvent({ ...stored, item: set ? correctedItem(item, set) : item }, place)
  }
  throw new SyncError(
    'rejected',
    'EVENT_GONE',
    `dead letter ${letter.id} has no whole copy of item "${letter.item?.key}", which was larger than its topic takes: ` +
      'do it by hand or by an event of its own, then discard the letter',
  )
}

/** The same event to whatever it did before; `ce_corrected` tells it from the one that came in. */
function corrected(event: ChangeEvent, set: Fields): ChangeEvent {
  const { id, type, source, subject, time, key, changed, extensions, data } = event
  return {
    ...{ id, type, source, subject, time, key, ...(changed && { changed }) },
    extensions: { ...extensions, corrected: Object.keys(set).join(',') },
    data: { ...data, ...set },
  }
}

function storedIn({ event }: LoggedEvent): StoredLetter {
  return event.data as unknown as StoredLetter
}

/** A partition that gave nothing yet is read from its beginning. */
function startAt(next: Readonly<Record<number, number>>): StartPosition {
  return Object.keys(next).length === 0 ? 'earliest' : { offsets: next }
}
