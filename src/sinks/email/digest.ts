import type { DigestEntry } from '../../clients/mail-digest.ts'
import { type ConfigFault, durationMs } from '../../config/definition.ts'
import type { Fields } from '../../event.ts'
import { shortHash } from '../../identity.ts'
import { cronFault, cronSchedule } from '../../schedule.ts'
import type { Item } from '../sink.ts'

export interface DigestArgs {
  readonly every?: string
  readonly cron?: string
  readonly timeZone?: string
  readonly max?: number
  readonly by?: unknown
}

/** Names that the template of a digest sees. */
export const DIGEST_NAMES = ['items', 'count', 'since', 'until']

const DEFAULT_MAX = 1000

export function isDigest({ action, args }: Item): boolean {
  return action === 'send' && args.digest !== undefined
}

/** What waits for the mail. */
export function digestOf(item: Item, now: number): DigestEntry {
  const { digest, data, ...mail } = item.args as Fields & { digest: DigestArgs }
  const { every, cron, timeZone, max = DEFAULT_MAX, by } = digest
  const { event, data: told } = (item.scope ?? {}) as { event?: Fields; data?: unknown }
  return {
    id: item.id,
    group: shortHash(JSON.stringify([mail, every, cron, timeZone, max, by ?? null])),
    mail,
    item: data ?? { event, data: told },
    dueAt: cron === undefined ? now + durationMs(every!) : cronSchedule(cron, timeZone).next(now),
    max,
  }
}

export function digestFaults({ every, cron, timeZone }: DigestArgs): ConfigFault[] {
  const fault = (message: string, suggestion?: string): ConfigFault[] => [
    { path: ['digest'], message, ...(suggestion !== undefined && { suggestion }) },
  ]
  if (every === undefined && cron === undefined) return fault('nothing says when the mail leaves', 'every: 1h')
  if (every !== undefined && cron !== undefined) return fault('`every` and `cron` both say when; one is enough')
  if (cron === undefined) return timeZone === undefined ? [] : fault('`every` goes by no clock', 'leave `timeZone` out')
  const wrong = cronFault(cron, timeZone)
  if (wrong === 'never') return fault('`cron` names times that never come')
  return wrong ? fault(`\`cron\`: ${wrong.message}`) : []
}
