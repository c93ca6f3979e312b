import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const ROOT = resolve(import.meta.dirname, '../..')
const BUILT = join(ROOT, 'dist/src/cli/main.js')
const START_MS = 30_000

/** The command line as a user would run it: built when there is a build. Tests run the sources as they are now. */
export function cliCommand(): string[] {
  return existsSync(BUILT) && !process.env.VITEST
    ? [process.execPath, BUILT]
    : [process.execPath, '--import', 'tsx', join(ROOT, 'src/cli/main.ts')]
}

export interface DaemonOptions {
  /** Config files and folders. */
  readonly configs: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly url: string
  /** Lines of the daemon's log as they come. */
  readonly onLog?: (line: string) => void
}

/** The daemon as a process of its own, so that it can be killed for real. */
export class DaemonProcess {
  readonly #options: DaemonOptions
  #child: ChildProcess | undefined
  #log: string[] = []

  constructor(options: DaemonOptions) {
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** The last lines that it logged. */
  get log(): readonly string[] {
    return this.#log
  }

  /** Ready when resolved: intake can append. */
  async start(): Promise<void> {
    const [command, ...args] = cliCommand()
    const child = spawn(command!, [...args, 'run', ...this.#options.configs], {
      cwd: ROOT,
      env: { ...process.env, ...this.#options.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop()!
        for (const line of lines) this.#logged(line)
      })
    }
    await this.#ready(child)
  }

  #logged(line: string): void {
    this.#log.push(line)
    if (this.#log.length > 400) this.#log.splice(0, 200)
    this.#options.onLog?.(line)
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + START_MS
    while (Date.now() < deadline) {
      if (child.exitCode !== null)
        throw new Error(`the daemon ended with ${child.exitCode}:\n${this.#log.slice(-30).join('\n')}`)
      const answer = await fetch(`${this.#options.url}/readyz`).catch(() => undefined)
      if (answer?.ok) return
      await sleep(20)
    }
    throw new Error(`the daemon was not ready after ${START_MS / 1000} s:\n${this.#log.slice(-30).join('\n')}`)
  }

  /** Resolves with the exit code, or the signal's name, once it is gone. */
  async end(signal: NodeJS.Signals): Promise<number | string | null> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const ended = new Promise<number | string | null>(done => child.once('exit', (code, by) => done(code ?? by)))
    child.kill(signal)
    return ended
  }
}

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** One run of the command line. */
export async function runCli(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const [command, ...first] = cliCommand()
  const child = spawn(command!, [...first, ...args], { cwd: ROOT, env: { ...process.env, ...env, NO_COLOR: '1' } })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const code = await new Promise<number>(done => child.once('close', status => done(status ?? 1)))
  return { code, stdout, stderr }
}
