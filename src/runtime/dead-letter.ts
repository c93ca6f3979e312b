import type { SyncError } from '../errors.ts'
import type { ChangeEvent, Fields } from '../event.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import type { LoneItem } from './run.ts'

/** An event, or an item of it, that a flow gave up on, and why. It has one letter per flow, however often it fails. */
export interface DeadLetter {
  readonly id: string
  readonly flow: string
  readonly step: string
  readonly code: string
  readonly kind: string
  readonly message: string
  readonly status?: number
  readonly details?: unknown
  /** Of all failures: a redriven event that fails again goes on counting. */
  readonly attempts: number
  /** When it was first tried. */
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
  /** The item of an `each` that it is about; absent: about the event as a whole. */
  readonly item?: Pick<LoneItem, 'each' | 'key' | 'value'>
}

export type Resolution = 'open' | 'redriven' | 'discarded'

/** One failure, as the flow's topic of dead letters holds it. */
export interface StoredLetter extends DeadLetter {
  /** The event is here as it came in, so that it can be sent back when its own topic keeps it no longer. */
  readonly whole?: true
  /** The event's bytes in base64, where `event.data` written as JSON would be others. */
  readonly raw?: string
  readonly item?: LoneItem
  /** The item is not here, as there was no room for it. */
  readonly cut?: true
}

export interface DeadLetterFacts {
  readonly flow: string
  readonly step: string
  readonly error: SyncError
  readonly attempts: number
  readonly firstAt: number
  /** Where it came from, with the event itself. */
  readonly logged: LoggedEvent
  readonly names: Fields
  readonly item?: LoneItem | undefined
}

/** What a person did with a letter, and what had come of it until then. */
export interface Mark {
  readonly resolution: Exclude<Resolution, 'open'>
  readonly at: string
  /** Place of the last failure that it is about, in the topic of dead letters. */
  readonly partition: number
  readonly offset: number
  readonly attempts: number
  readonly firstAt: string
}

/** A failure after the mark is open again; told by place, since clocks of two instances differ. */
export function resolutionOf(last: { partition: number; offset: number }, mark: Mark | undefined): Resolution {
  return mark && mark.partition === last.partition && mark.offset >= last.offset ? mark.resolution : 'open'
}

/** The failures of one event, which make one letter. */
export class Failures {
  readonly #first: StoredLetter
  #last: StoredLetter
  #place: { partition: number; offset: number }
  readonly #all: { readonly offset: number; readonly attempts: number }[]

  constructor(letter: StoredLetter, { partition, offset }: LoggedEvent) {
    this.#first = letter
    this.#last = letter
    this.#place = { partition, offset }
    this.#all = [{ offset, attempts: letter.attempts }]
  }

  /** Of the last failure, in the topic of dead letters. */
  get place(): { partition: number; offset: number } {
    return this.#place
  }

  get id(): string {
    return this.#first.id
  }

  add(letter: StoredLetter, { partition, offset }: LoggedEvent): void {
    // An append whose answer was lost is there twice: that is one failure.
    const repeated = letter.firstAt === this.#last.firstAt && letter.attempts === this.#last.attempts
    this.#last = letter
    this.#place = { partition, offset }
    if (!repeated) this.#all.push({ offset, attempts: letter.attempts })
  }

  /** @param mark of earlier failures, which the topic may keep no longer. */
  letter(mark: Mark | undefined): StoredLetter {
    const counted = mark ? this.#all.filter(({ offset }) => offset > mark.offset) : this.#all
    const { topic, partition, offset, firstAt } = this.#first
    return {
      ...this.#last,
      // Where it came in, not where it was sent back to.
      topic,
      partition,
      offset,
      firstAt: mark && mark.firstAt < firstAt ? mark.firstAt : firstAt,
      attempts: counted.reduce((sum, { attempts }) => sum + attempts, mark?.attempts ?? 0),
    }
  }
}

/** Attributes and data for the letter, and the very bytes where those two do not say them. */
export function keptEvent(event: ChangeEvent): Pick<StoredLetter, 'event' | 'raw' | 'whole'> {
  const { id, type, source, subject, time, key, changed, extensions } = event
  const data = readable(event)
  const exact = !event.raw || Buffer.from(JSON.stringify(data)).equals(event.raw)
  return {
    whole: true,
    event: { id, type, source, subject, time, key, changed, extensions, data },
    ...(!exact && { raw: Buffer.from(event.raw!).toString('base64') }),
  }
}

export function originalOf({ event, raw }: Pick<StoredLetter, 'event' | 'raw'>): ChangeEvent {
  return raw === undefined ? event : { ...event, raw: Buffer.from(raw, 'base64') }
}

/** An event whose value is not even JSON is shown as text. */
function readable(event: ChangeEvent): Fields {
  try {
    return event.data
  } catch {
    return { text: Buffer.from(event.raw ?? []).toString('utf8') }
  }
}
