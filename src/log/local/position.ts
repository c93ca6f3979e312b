import type { StartPosition } from '../event-log.ts'
import { type LocalTopic, PARTITION } from './storage.ts'

/** @param unnamed where to be when `offsets` leaves the partition out. */
export function offsetOf(topic: LocalTopic, position: StartPosition, unnamed: number): number {
  if (position === 'now') return topic.end
  if (position === 'earliest') return topic.begin
  if ('time' in position) return topic.offsetAt(position.time)
  return position.offsets[PARTITION] ?? unnamed
}
