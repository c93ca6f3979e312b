import type { ReplayProgress } from '../../runtime/replay.ts'
import { count, rate } from './text.ts'
import { duration } from './time.ts'

/** How much of it is read, 0 to 1. */
export function replayShare({ total, read }: ReplayProgress): number {
  return total === 0 ? 1 : read / total
}

/** `12,000 of 1,000,000 events (1%), 4,000/s, 4m 7s left; 11,990 done, 10 skipped, 0 dead` */
export function progressText(progress: ReplayProgress): string {
  const { total, read, perSecond } = progress
  const left = perSecond > 0 && read < total ? `, ${duration(((total - read) * 1000) / perSecond)} left` : ''
  const part = total === 0 ? 100 : Math.floor((read * 100) / total)
  return `${count(read)} of ${count(total)} events (${part}%), ${rate(perSecond)}${left}; ${outcomeText(progress)}`
}

export function outcomeText({ done, skipped, dead }: ReplayProgress): string {
  return `${count(done)} done, ${count(skipped)} skipped, ${count(dead)} dead`
}
