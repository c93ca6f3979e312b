import { resolve } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Environment } from '../environment.ts'
import type { DaemonOperations } from '../runtime/operations.ts'
import { Redactor } from '../runtime/redact.ts'
import { configPaths, variablesIn } from './config-paths.ts'
import { type Connection, type ConnectOptions, connectDaemon, connectOperations } from './connect.ts'
import { createLogger } from './output/log-lines.ts'
import { createStyle, type Style } from './output/style.ts'
import type { Shell, Variables } from './shell.ts'

/** Options that every command takes. */
export interface CommonOptions {
  readonly config?: readonly string[]
  readonly json?: boolean
}

/** One run of one command: where its output goes, and the config that it is about. */
export class Session {
  readonly shell: Shell
  /** One JSON document on stdout, or one a line for what comes in pieces. */
  readonly json: boolean
  readonly style: Style
  /** Of stderr. */
  readonly talkStyle: Style
  readonly #named: readonly string[]
  #redactor = new Redactor([])

  constructor(shell: Shell, options: CommonOptions) {
    this.shell = shell
    this.json = options.json ?? false
    this.#named = options.config ?? []
    const variables = this.variables
    this.style = createStyle(shell.stdout, variables)
    this.talkStyle = createStyle(shell.stderr, variables)
  }

  get variables(): Variables {
    return variablesIn(this.shell.folder, this.shell.variables)
  }

  /** Columns for tables on stdout; undefined when nobody looks, and nothing is cut then. */
  get width(): number | undefined {
    return this.shell.stdout.isTty ? (this.shell.stdout.columns ?? 100) : undefined
  }

  get now(): number {
    return this.shell.clock.now()
  }

  /** The command's answer: the document with `--json`, else the text. */
  async result(document: unknown, text: () => string): Promise<void> {
    await this.print(this.json ? JSON.stringify(this.#redactor.redact(document)) : text())
  }

  /** A line to stdout. P9: whatever it holds, no secret of the config. */
  async print(text: string): Promise<void> {
    await this.shell.stdout.write(`${this.json ? text : this.#redactor.text(text)}\n`)
  }

  /** A line to stderr. */
  async say(text: string): Promise<void> {
    await this.shell.stderr.write(`${this.#redactor.text(text)}\n`)
  }

  /** Reads the config anew at each call. @param named besides those of `--config`. @throws ConfigError, UsageError */
  async loadConfig(named: readonly string[] = []): Promise<Config> {
    const { variables } = this
    const config = await this.shell.backend.loadConfig(this.#paths(variables, named), variables)
    this.useSecretsOf(config)
    return config
  }

  #paths(variables: Variables, named: readonly string[] = []): readonly string[] {
    const { folder } = this.shell
    return configPaths([...this.#named, ...named], variables, folder).map(path => resolve(folder, path))
  }

  useSecretsOf(config: Config): void {
    this.#redactor = new Redactor(config.secrets)
  }

  redact<T>(value: T): T {
    return this.#redactor.redact(value)
  }

  logger(level = 'warn'): Logger {
    const { stderr } = this.shell
    return createLogger({ output: stderr, style: this.talkStyle, level, redactor: () => this.#redactor })
  }

  environment(logger = this.logger()): Environment {
    return this.shell.environment(logger)
  }

  /** Runs the work on the installation that the config names, and lets go of it after. */
  async onInstallation<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await connectOperations(this.#connecting())
    try {
      return await work(connection)
    } finally {
      await connection.close()
    }
  }

  /** Runs the work on the daemon that runs on the config. @throws SyncError `NOT_RUNNING` when none does. */
  async onDaemon<T>(work: (daemon: DaemonOperations) => Promise<T>): Promise<T> {
    return work(await connectDaemon(this.#connecting()))
  }

  #connecting(): ConnectOptions {
    const { variables, shell } = this
    return {
      paths: this.#paths(variables),
      variables,
      env: this.environment(),
      backend: shell.backend,
      load: () => this.loadConfig(),
    }
  }
}
