import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Clock, Environment } from '../environment.ts'
import type { Daemon, DaemonOptions } from '../runtime/daemon.ts'
import type { Operations } from '../runtime/operations.ts'
import type { Trial, TrialRequest } from '../runtime/trial.ts'
import type { verifyLive } from '../runtime/verify-systems.ts'
import type { CaseResult, TestOptions } from '../testing/run-tests.ts'
import type { LocatedLog } from './locate-log.ts'

/** Environment variables. */
export type Variables = Readonly<Record<string, string | undefined>>

/** Where text goes: stdout for data, stderr for talk. */
export interface Output {
  readonly isTty: boolean
  /** Width of the terminal; undefined where there is none. */
  readonly columns: number | undefined
  /** Resolves when the other side took it: waiting for it is the back-pressure. */
  write(text: string): Promise<void>
}

export interface Input {
  readonly isTty: boolean
  /** Everything up to the end. */
  text(): Promise<string>
  /** One line, asked for on stderr. `hidden` shows nothing of what is typed. Only on a TTY. */
  ask(question: string, options?: { hidden?: boolean }): Promise<string>
}

export type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** A running stand-in for Twenty, with those of the other systems where they were asked for. */
export interface RunningSandbox {
  readonly url: string
  readonly apiKey: string
  /** With `all`: what the shipped configs read. */
  readonly variables?: Variables
  /** With `all`: who is where. */
  readonly systems?: readonly { readonly name: string; readonly url: string }[]
  close(): Promise<void>
}

export interface SandboxStart {
  readonly port: number
  readonly apiKey: string
  /** Stand-ins for the other systems of the shipped configs too. */
  readonly all: boolean
}

/** What the commands start. Loaded when needed: `--help` should not wait for a Kafka client. */
export interface Backend {
  /** @param paths files and folders. @throws ConfigError */
  loadConfig(paths: readonly string[], variables: Variables): Promise<Config>
  /** Only where the log is, of a config that may be wrong in other places. */
  locateLog(paths: readonly string[], variables: Variables): Promise<LocatedLog | undefined>
  startDaemon(options: DaemonOptions): Promise<Daemon>
  openOffline(config: Config, env: Environment): Promise<{ operations: Operations; close(): Promise<void> }>
  verifyLive(config: Config, env: Environment, signal: AbortSignal): ReturnType<typeof verifyLive>
  tryEvent(config: Config, request: TrialRequest, env: Environment, signal: AbortSignal): Promise<Trial>
  /** @throws ConfigError */
  runTests(options: Omit<TestOptions, 'createWorkspace'>): AsyncIterable<CaseResult>
  startSandbox(options: SandboxStart): Promise<RunningSandbox>
}

/** The process around a command. Tests give their own. */
export interface Shell {
  readonly stdout: Output
  readonly stderr: Output
  readonly stdin: Input
  readonly variables: Variables
  /** The current working folder. */
  readonly folder: string
  readonly version: string
  readonly pid: number
  readonly clock: Clock
  readonly backend: Backend
  environment(logger: Logger): Environment
  /** @returns removes the handler. */
  onSignal(name: SignalName, handler: () => void): () => void
  /** Called with what nobody caught. @returns removes the handler. */
  onCrash(handler: (thrown: unknown) => void): () => void
  /** Ends the process at once. */
  exit(code: number): void
}
