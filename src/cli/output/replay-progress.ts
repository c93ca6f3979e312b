import type { Clock } from '../../environment.ts'
import type { ReplayProgress } from '../../runtime/replay.ts'
import type { Output } from '../shell.ts'
import type { Style } from './style.ts'
import { count, cut, rate } from './text.ts'
import { duration } from './time.ts'

const BAR_WIDTH = 20
const LINE_EVERY_MS = 5000
const CLEAR_LINE = '\r\u001b[K'

/** Progress for people: one line that moves on a terminal, else a line every few seconds. */
export class ReplayProgressView {
  readonly #output: Output
  readonly #style: Style
  readonly #clock: Clock
  #shownAt = Number.NEGATIVE_INFINITY
  #drawn = false

  constructor(output: Output, style: Style, clock: Clock) {
    this.#output = output
    this.#style = style
    this.#clock = clock
  }

  async show(progress: ReplayProgress): Promise<void> {
    if (this.#output.isTty) {
      this.#drawn = true
      const line = `${barText(progress, this.#style)} ${progressText(progress)}`
      return this.#output.write(CLEAR_LINE + cut(line, (this.#output.columns ?? 100) - 1))
    }
    const now = this.#clock.elapsed()
    if (now - this.#shownAt < LINE_EVERY_MS) return
    this.#shownAt = now
    await this.#output.write(`${progressText(progress)}\n`)
  }

  /** Before anything else is written to the terminal. */
  async clear(): Promise<void> {
    if (this.#drawn) await this.#output.write(CLEAR_LINE)
    this.#drawn = false
  }
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

function barText({ total, read }: ReplayProgress, style: Style): string {
  const full = total === 0 ? BAR_WIDTH : Math.floor((read * BAR_WIDTH) / total)
  return `[${style.green('#'.repeat(full))}${' '.repeat(BAR_WIDTH - full)}]`
}
