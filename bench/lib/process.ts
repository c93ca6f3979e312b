import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { ROOT } from '../../scripts/stack/daemon-process.ts'

/** Core of what is measured, and of everything around it: load, sinks. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

const TICKS_PER_SECOND = 100

/** `taskset` before a command, where there are two cores and Linux. */
export function pinned(core: number, command: readonly string[]): string[] {
  return canPin() ? ['taskset', '-c', String(core), ...command] : [...command]
}

export function canPin(): boolean {
  // Not availableParallelism: in a process that is pinned itself that is 1.
  return process.platform === 'linux' && cpus().length > 1 && process.env.BENCH_PIN !== 'off'
}

export interface Usage {
  readonly cpuSeconds: number
  readonly rssMb: number
  readonly peakRssMb: number
}

/** Of a running process, as Linux counts it. NaN elsewhere. */
export function usageOf(pid: number): Usage {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN)
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
    return { cpuSeconds, rssMb: kilobytes('VmRSS') / 1024, peakRssMb: kilobytes('VmHWM') / 1024 }
  } catch {
    return { cpuSeconds: Number.NaN, rssMb: Number.NaN, peakRssMb: Number.NaN }
  }
}

/** A file of bench/peers as a process of its own; it says what it has to say as lines of JSON. */
export class Peer {
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  readonly #waiting: ((line: string | undefined) => void)[] = []
  #ended = false

  constructor(core: number, file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const path = `${ROOT}/bench/peers/${file}`
    const [command, ...rest] = pinned(core, [process.execPath, '--import', 'tsx', path, ...args])
    this.#child = spawn(command!, rest, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout! })
      .on('line', line => {
        const waiter = this.#waiting.shift()
        if (waiter) waiter(line)
        else this.#lines.push(line)
      })
      .on('close', () => {
        this.#ended = true
        for (const waiter of this.#waiting.splice(0)) waiter(undefined)
      })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** The next line that it says. @throws Error when it ended instead. */
  async next<T>(): Promise<T> {
    const known = this.#lines.shift()
    const line =
      known ?? (this.#ended ? undefined : await new Promise<string | undefined>(done => this.#waiting.push(done)))
    if (line === undefined) throw new Error(`${this.#child.spawnargs.at(-1)} ended before it had answered`)
    return JSON.parse(line) as T
  }

  /** Says something to it, and waits for the answer. */
  ask<T>(line: string): Promise<T> {
    this.#child.stdin!.write(`${line}\n`)
    return this.next<T>()
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise(done => this.#child.once('exit', done))
    this.#child.kill('SIGTERM')
    await gone
  }
}
