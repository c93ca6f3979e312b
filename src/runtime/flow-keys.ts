import { shortHash } from '../identity.ts'

/** Names of a flow's keys in the state; all share the flow's tag, so that one commit can hold any of them. */
export class FlowKeys {
  readonly tag: string

  constructor(flow: string) {
    this.tag = `{flow/${flow}}`
  }

  /** The step record of an event, and its done mark afterwards. */
  run(eventId: string): string {
    return `${this.tag}:run:${eventId}`
  }

  /** A page of what an `each` of the run goes over. */
  page(runId: string, of: string, page: number): string {
    return `${this.tag}:page:${runId}:${of}:${page}`
  }

  /** An effect that must not happen twice. */
  effect(effectKey: string): string {
    return `${this.effects}${shortHash(effectKey)}`
  }

  get effects(): string {
    return `${this.tag}:effect:`
  }

  /** Source time of the last event whose write reached the target, per step: the stale rule. */
  applied(step: string, object: string, id: string): string {
    return `${this.tag}:applied:${step}:${object}/${id}`
  }

  dedupe(step: string, value: string): string {
    return `${this.tag}:dedupe:${step}:${shortHash(value)}`
  }

  /** What a step remembers from event to event. */
  memory(step: string, key: string): string {
    return `${this.tag}:memory:${step}:${shortHash(key)}`
  }

  /** How often a step acted for a record. */
  capOfRecord(step: string, record: string): string {
    return `${this.tag}:cap-record:${step}:${shortHash(record)}`
  }

  /** How often a step acted on a day. */
  capOfDay(step: string, day: string): string {
    return `${this.capOfDays}${step}:${day}`
  }

  get capOfDays(): string {
    return `${this.tag}:cap-day:`
  }

  parkedPrefix(topic: string, partition: number): string {
    return `${this.tag}:parked:${topic}:${partition}:`
  }

  /** Entries of a lane sort by offset. */
  parked(topic: string, partition: number, offset: number): string {
    return `${this.parkedPrefix(topic, partition)}${String(offset).padStart(16, '0')}`
  }

  collectedPrefix(topic: string, partition: number): string {
    return `${this.tag}:collected:${topic}:${partition}:`
  }

  /** An event that waits for the end of its window. */
  collected(topic: string, partition: number, offset: number): string {
    return `${this.collectedPrefix(topic, partition)}${String(offset).padStart(16, '0')}`
  }

  /** How far a partition was collected, and how far what was collected has been started. */
  collectedTo(topic: string, partition: number): string {
    return `${this.tag}:collected-to:${topic}:${partition}`
  }

  /** What became of a dead letter: redriven or discarded. */
  deadLetter(id: string): string {
    return `${this.tag}:dead:${id}`
  }

  /** Paused by a person; why stopped. */
  get control(): string {
    return `${this.tag}:control`
  }

  replay(id: string): string {
    return `${this.tag}:replay:${id}`
  }
}
