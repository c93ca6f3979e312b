import type { Clock } from '../../environment.ts'
import type { Output } from '../shell.ts'
import type { Style } from './style.ts'
import { cut } from './text.ts'

const BAR_WIDTH = 20
const LINE_EVERY_MS = 5000
const CLEAR_LINE = '\r\u001b[K'

/** Progress for people: one line that moves on a terminal, else a line every few seconds. */
export class ProgressLine {
  readonly #output: Output
  readonly #style: Style
  readonly #clock: Clock
  #shownAt = Number.NEGATIVE_INFINITY
  #about: string | undefined
  #drawn = false

  constructor(output: Output, style: Style, clock: Clock) {
    this.#output = output
    this.#style = style
    this.#clock = clock
  }

  /** @param share 0 to 1; @param about what is said of something else is said at once. */
  async show(text: string, share: number, about?: string): Promise<void> {
    if (this.#output.isTty) {
      this.#drawn = true
      return this.#output.write(CLEAR_LINE + cut(`${this.#bar(share)} ${text}`, (this.#output.columns ?? 100) - 1))
    }
    const now = this.#clock.elapsed()
    if (about === this.#about && now - this.#shownAt < LINE_EVERY_MS) return
    this.#shownAt = now
    this.#about = about
    await this.#output.write(`${text}\n`)
  }

  /** Before anything else is written to the terminal. */
  async clear(): Promise<void> {
    if (this.#drawn) await this.#output.write(CLEAR_LINE)
    this.#drawn = false
  }

  #bar(share: number): string {
    const full = Math.floor(Math.min(1, share) * BAR_WIDTH)
    return `[${this.#style.green('#'.repeat(full))}${' '.repeat(BAR_WIDTH - full)}]`
  }
}
