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

  /** An effect that must not happen twice. */
  effect(effectKey: string): string {
    return `${this.tag}:effect:${shortHash(effectKey)}`
  }

  /** Source time of the last event whose write reached the target, per step: the stale rule. */
  applied(step: string, object: string, id: string): string {
    return `${this.tag}:applied:${step}:${object}/${id}`
  }

  dedupe(step: string, value: string): string {
    return `${this.tag}:dedupe:${step}:${shortHash(value)}`
  }

  parkedPrefix(topic: string, partition: number): string {
    return `${this.tag}:parked:${topic}:${partition}:`
  }

  /** Entries of a lane sort by offset. */
  parked(topic: string, partition: number, offset: number): string {
    return `${this.parkedPrefix(topic, partition)}${String(offset).padStart(16, '0')}`
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
