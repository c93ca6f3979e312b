import type { ChangeEvent } from '../event.ts'
import { objectOf } from '../event.ts'

/** Names of topics and groups, all below one prefix, so that one broker can serve several installations. */
export class TopicNames {
  readonly prefix: string

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** One per connector and object. */
  source(connector: string, object: string): string {
    return `${this.prefix}.${connector}.${object}`
  }

  of(connector: string, event: ChangeEvent): string {
    return this.source(connector, objectOf(event))
  }

  deadLetters(flow: string): string {
    return `${this.prefix}.dead-letters.${flow}`
  }

  /** Dead letters that a person sent back to the flow. */
  redrive(flow: string): string {
    return `${this.prefix}.redrive.${flow}`
  }

  group(flow: string): string {
    return `${this.prefix}.flow.${flow}`
  }

  syncGroup(sync: string): string {
    return `${this.prefix}.sync.${sync}`
  }

  replayGroup(flow: string, id: string): string {
    return `${this.prefix}.replay.${flow}.${id}`
  }
}
