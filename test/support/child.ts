import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { until } from './until.ts'

/** A TypeScript file run as a process of its own; its output line by line. Killed when the running test has finished. */
export class Child {
  readonly lines: string[] = []
  readonly errors: string[] = []
  readonly #process: ChildProcess
  readonly #exited: Promise<number | null>

  /** @param script relative to `test/support`. */
  constructor(script: string, args: readonly string[] = [], nodeOptions: readonly string[] = []) {
    const path = fileURLToPath(new URL(script, import.meta.url))
    this.#process = spawn(process.execPath, [...nodeOptions, '--import', 'tsx', path, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    createInterface(this.#process.stdout!).on('line', line => this.lines.push(line))
    createInterface(this.#process.stderr!).on('line', line => this.errors.push(line))
    this.#exited = new Promise(resolve => this.#process.once('close', resolve))
    onTestFinished(() => this.kill())
  }

  get pid(): number {
    return this.#process.pid!
  }

  say(line: string): void {
    this.#process.stdin!.write(`${line}\n`)
  }

  async line(found: (line: string) => boolean): Promise<string> {
    await until(() => this.lines.some(found), {
      deadlineMs: 30_000,
      what: `a line of the child; errors: ${this.errors}`,
    })
    return this.lines.find(found)!
  }

  /** Exit code; null after a signal. All lines have been read by then. */
  exit(): Promise<number | null> {
    return this.#exited
  }

  /** kill -9, and gone when this resolves. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
  }
}
