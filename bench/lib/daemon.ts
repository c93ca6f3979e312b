import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../scripts/services/ports.ts'
import { DaemonProcess, ROOT } from '../../scripts/stack/daemon-process.ts'
import { SECRET } from './payload.ts'
import { canPin, SERVER_CORE } from './process.ts'

export interface BenchDaemonOptions {
  /** File of bench/config. */
  readonly config: string
  /** Log and state as YAML. Default: embedded, in the bench's own folder. */
  readonly engine?: string
  readonly env?: Readonly<Record<string, string>>
}

/** The built daemon with a folder of its own, on the core for what is measured. */
export class BenchDaemon {
  readonly folder: string
  readonly port: number
  readonly configs: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly #process: DaemonProcess

  private constructor(folder: string, port: number, options: BenchDaemonOptions) {
    this.folder = folder
    this.port = port
    this.configs = [join(ROOT, 'bench/config', options.config), join(folder, 'engine.yaml')]
    const { BENCH_PROFILE: profile, BENCH_NODE_OPTIONS: given } = process.env
    const nodeOptions = [given, profile && `--import ${join(ROOT, 'bench/lib/profile.mjs')}`].filter(Boolean)
    this.env = {
      BENCH_SECRET: SECRET,
      ...options.env,
      ...(nodeOptions.length > 0 && { NODE_OPTIONS: nodeOptions.join(' ') }),
    }
    this.#process = new DaemonProcess({ configs: this.configs, env: this.env, url: `http://127.0.0.1:${port}` })
  }

  static async prepare(options: BenchDaemonOptions): Promise<BenchDaemon> {
    if (!existsSync(join(ROOT, 'dist/src/cli/main.js')))
      throw new Error('what is measured is the built daemon: npm run build')
    const folder = await mkdtemp(join(process.env.BENCH_FOLDER ?? tmpdir(), 'twenty-sync-bench-'))
    const [port] = await freePorts(1)
    const engine = options.engine ?? `log: { type: embedded, folder: "${join(folder, 'data')}" }`
    await writeFile(join(folder, 'engine.yaml'), `server: { host: 127.0.0.1, port: ${port} }\n${engine}\n`)
    return new BenchDaemon(folder, port!, options)
  }

  get dataFolder(): string {
    return join(this.folder, 'data')
  }

  get pid(): number {
    return this.#process.pid!
  }

  get log(): readonly string[] {
    return this.#process.log
  }

  async start(): Promise<void> {
    await this.#process.start()
    if (canPin())
      execFileSync('taskset', ['-a', '-p', '-c', String(SERVER_CORE), String(this.pid)], { stdio: 'ignore' })
  }

  /** One figure of /metrics, summed over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text()
    const lines = text.split('\n').filter(line => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  async stop(): Promise<void> {
    await this.#process.end('SIGTERM')
  }

  async remove(): Promise<void> {
    await this.#process.end('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }
}
