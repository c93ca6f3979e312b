import { durationMs } from '../config/definition.ts'
import type { StartPosition } from '../log/event-log.ts'
import { UsageError } from './exit-code.ts'

/** `2h` (ago), or what `parsePosition` reads. @throws UsageError */
export async function readPosition(text: string, option: string, now: number): Promise<StartPosition> {
  const { parsePosition } = await import('../runtime/replay.ts')
  if (/^\d+(s|m|h|d)$/.test(text)) return { time: now - durationMs(text) }
  if (/^(earliest|now)$/.test(text) || /^\d+:\d+(,\d+:\d+)*$/.test(text)) return parsePosition(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text))) return parsePosition(text)
  throw new UsageError(
    `${option} "${text}" is no position; give a time (2026-11-01T00:00:00Z), an age (2h, 3d), partition:offset (0:1500), earliest or now`,
  )
}

/** As an option that reads back as the same position. */
export function positionText(position: StartPosition): string {
  if (typeof position === 'string') return position
  if ('time' in position) return new Date(position.time).toISOString()
  return Object.entries(position.offsets)
    .map(([partition, offset]) => `${partition}:${offset}`)
    .join(',')
}
