import type { ChangeEvent } from '../event.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import type { Entry } from '../state/state-store.ts'
import type { CollectedEvent } from './collection.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { ParkedEvent } from './parking.ts'

/** An event on its way through its lane. */
export interface Job {
  readonly owner: OwnedPartition
  readonly logged: LoggedEvent
  /** As read when the event was taken in; undefined entries are known to be absent. */
  readonly entry?: Entry
  readonly written?: Entry
  /** Its place in the parked list, when it is that list's head. */
  readonly parked?: ParkedEvent
  /** Its window is over. */
  readonly collected?: CollectedEvent
}

/** P4: one lane per record of a source, over all topics of the flow. */
export function laneOf(event: ChangeEvent): string {
  return `${event.source}\n${event.key}`
}
