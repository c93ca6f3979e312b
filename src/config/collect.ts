import type { Fields } from '../event.ts'
import { cronFault, isTimeZone } from '../schedule.ts'
import type { CollectConfig, ConfigPath } from './config.ts'
import { durationIn } from './definition.ts'
import type { LoadContext } from './load-context.ts'
import { keyPlaceOf, type MapNode, type Node } from './node.ts'

/** `collect` of a flow; undefined where it is not there, or what is wrong was said. */
export function readCollect(
  node: Node | undefined,
  value: unknown,
  path: ConfigPath,
  load: LoadContext,
): CollectConfig | undefined {
  if (node?.kind !== 'map' || typeof value !== 'object' || value === null) return undefined
  const { every, cron, timeZone, max, by } = value as Fields
  const faults = windowFaults({ every, cron, timeZone })
  for (const { key, message, suggestion } of faults) {
    load.problems.add(placeOf(node, key), [...path, ...(key ? [key] : [])], 'collect', message, suggestion)
  }
  if (faults.length > 0 || typeof max !== 'number') return undefined
  const rest = { max, ...(typeof by === 'string' && { by }) }
  if (typeof cron === 'string') return { ...rest, cron, ...(typeof timeZone === 'string' && { timeZone }) }
  const everyMs = durationIn(every)
  return everyMs === undefined ? undefined : { ...rest, everyMs }
}

interface Fault {
  readonly key?: string
  readonly message: string
  readonly suggestion?: string
}

function windowFaults({ every, cron, timeZone }: Fields): Fault[] {
  if (every === undefined && cron === undefined)
    return [{ message: 'nothing says when a window ends', suggestion: 'every: 15m' }]
  if (every !== undefined && cron !== undefined)
    return [{ key: 'cron', message: '`every` and `cron` both say when a window ends; one is enough' }]
  if (durationIn(every) === 0)
    return [{ key: 'every', message: 'a window of no time collects nothing', suggestion: '15m' }]
  if (cron === undefined)
    return timeZone === undefined
      ? []
      : [{ key: 'timeZone', message: '`every` goes by no clock', suggestion: 'leave it out' }]
  if (typeof timeZone === 'string' && !isTimeZone(timeZone))
    return [{ key: 'timeZone', message: `there is no time zone "${timeZone}"`, suggestion: 'Europe/Berlin' }]
  const fault = cronFault(String(cron), timeZone as string | undefined)
  if (!fault) return []
  return [{ key: 'cron', message: fault === 'never' ? `"${cron}" is never due` : `\`cron\`: ${fault.message}` }]
}

function placeOf(node: MapNode, key: string | undefined) {
  return keyPlaceOf((key && node.entries.get(key)) || node)
}
