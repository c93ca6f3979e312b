import type { StartPosition } from '../event-log.ts'
import type { KafkaControl } from './control.ts'
import type { Offsets } from './group-offsets.ts'

/** Offsets of a position as they are now. @param unnamed where partitions are that `offsets` leaves out. */
export async function resolvePosition(
  control: KafkaControl,
  topic: string,
  position: StartPosition,
  unnamed: 'begin' | 'end',
): Promise<Offsets> {
  if (position === 'now') return control.offsets(topic, 'end')
  if (position === 'earliest') return control.offsets(topic, 'begin')
  if ('time' in position) return control.offsets(topic, { time: position.time })
  const found = await control.offsets(topic, unnamed)
  for (const [partition, offset] of Object.entries(position.offsets)) {
    if (found.has(Number(partition))) found.set(Number(partition), offset)
  }
  return found
}
