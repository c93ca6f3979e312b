import { join } from 'node:path'
import type { Logger } from 'pino'
import { EXIT } from '../../src/cli/exit-code.ts'
import { runCli } from '../../src/cli/program.ts'
import type { Backend, Output, Shell, SignalName } from '../../src/cli/shell.ts'
import type { Config, FlowConfig } from '../../src/config/config.ts'
import type { Environment, HttpTransport } from '../../src/environment.ts'
import type { DaemonOperations, Operations } from '../../src/runtime/operations.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** A secret of the fake config: it must never be seen in any output. */
export const CANARY = 'canary-secret-value'

export interface FakeShellOptions {
  readonly operations?: Partial<Operations>
  readonly backend?: Partial<Backend>
  readonly config?: Partial<Config>
  readonly variables?: Record<string, string>
  /** Default false: neither terminal nor colours. */
  readonly tty?: boolean
  readonly columns?: number
  /** What is typed, one answer per question. */
  readonly answers?: readonly string[]
  readonly stdin?: string
  readonly folder?: string
  readonly http?: HttpTransport
}

class FakeOutput implements Output {
  text = ''
  readonly isTty: boolean
  readonly columns: number | undefined

  constructor(isTty: boolean, columns: number | undefined) {
    this.isTty = isTty
    this.columns = columns
  }

  async write(text: string): Promise<void> {
    this.text += text
  }
}

/** A process that is none: what commands wrote, asked and ended with can be looked at. */
export class FakeShell implements Shell {
  readonly stdout: FakeOutput
  readonly stderr: FakeOutput
  readonly stdin: Shell['stdin']
  readonly variables: Record<string, string>
  readonly folder: string
  readonly version = '0.1.0'
  readonly pid = 4711
  readonly clock = new VirtualClock()
  readonly backend: Backend
  readonly exits: number[] = []
  readonly questions: string[] = []
  readonly #handlers = new Map<string, Set<(thrown?: unknown) => void>>()
  readonly #http: HttpTransport
  #ids = 0

  constructor(options: FakeShellOptions = {}) {
    const { tty = false, columns } = options
    this.stdout = new FakeOutput(tty, tty ? (columns ?? 100) : undefined)
    this.stderr = new FakeOutput(tty, tty ? (columns ?? 100) : undefined)
    this.folder = options.folder ?? tempFolder()
    this.variables = { NO_COLOR: '1', TWENTY_SYNC_CONFIG: 'twenty-sync.yaml', ...options.variables }
    const answers = [...(options.answers ?? [])]
    this.stdin = {
      isTty: tty,
      text: async () => options.stdin ?? '',
      ask: async question => {
        this.questions.push(question)
        return answers.shift() ?? ''
      },
    }
    this.backend = fakeBackend(options, this.folder)
    this.#http = options.http ?? (() => Promise.reject(new Error('no network here')))
  }

  environment(logger: Logger): Environment {
    return {
      clock: this.clock,
      random: () => 0.5,
      uuid: () => `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, '0')}`,
      http: this.#http,
      logger,
    }
  }

  onSignal(name: SignalName, handler: () => void): () => void {
    return this.#on(name, handler)
  }

  onCrash(handler: (thrown: unknown) => void): () => void {
    return this.#on('crash', handler)
  }

  exit(code: number): void {
    this.exits.push(code)
  }

  /** Sends a signal, or a crash, to whoever listens. @returns whether somebody did. */
  send(name: SignalName | 'crash', thrown?: unknown): boolean {
    const handlers = [...(this.#handlers.get(name) ?? [])]
    for (const handler of handlers) handler(thrown)
    return handlers.length > 0
  }

  /** Runs a command line in this shell. */
  run(...args: string[]): Promise<number> {
    return runCli(args, this)
  }

  /** The one JSON document on stdout. */
  get json(): unknown {
    return JSON.parse(this.stdout.text)
  }

  /** One JSON document a line. */
  get lines(): unknown[] {
    return this.stdout.text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as unknown)
  }

  #on(name: string, handler: (thrown?: unknown) => void): () => void {
    const handlers = this.#handlers.get(name) ?? new Set()
    this.#handlers.set(name, handlers.add(handler))
    return () => handlers.delete(handler)
  }
}

/** Runs one command line on fake operations. */
export async function cli(
  args: readonly string[],
  options: FakeShellOptions = {},
): Promise<FakeShell & { code: number }> {
  const shell = new FakeShell(options)
  const code = await shell.run(...args)
  return Object.assign(shell, { code })
}

function fakeBackend(options: FakeShellOptions, folder: string): Backend {
  return {
    loadConfig: async () => fakeConfig(folder, options.config),
    locateLog: async () => fakeConfig(folder, options.config),
    openOffline: async () => ({ operations: fakeOperations(options.operations), close: async () => {} }),
    startDaemon: () => Promise.reject(new Error('this test starts no daemon')),
    verifyLive: async () => ({ problems: [], unreachable: [] }),
    startSandbox: () => Promise.reject(new Error('this test starts no sandbox')),
    tryEvent: () => Promise.reject(new Error('this test tries no event')),
    runTests: () => {
      throw new Error('this test runs no cases')
    },
    ...options.backend,
  }
}

export function fakeOperations(over: Partial<DaemonOperations> = {}): DaemonOperations {
  const missing = (name: string) => () => {
    throw new Error(`this test gives no ${name}`)
  }
  return {
    status: missing('status'),
    topics: missing('topics'),
    listEvents: missing('listEvents'),
    showEvent: missing('showEvent'),
    tailEvents: missing('tailEvents'),
    pauseFlow: missing('pauseFlow'),
    resumeFlow: missing('resumeFlow'),
    listDeadLetters: missing('listDeadLetters'),
    redriveDeadLetters: missing('redriveDeadLetters'),
    discardDeadLetters: missing('discardDeadLetters'),
    trigger: missing('trigger'),
    triggerList: missing('triggerList'),
    triggerReport: missing('triggerReport'),
    replay: missing('replay'),
    listConflicts: missing('listConflicts'),
    listLinks: missing('listLinks'),
    showLink: missing('showLink'),
    resolveConflict: missing('resolveConflict'),
    passGuard: missing('passGuard'),
    reconcile: missing('reconcile'),
    why: missing('why'),
    whyNot: missing('whyNot'),
    reload: missing('reload'),
    pollNow: missing('pollNow'),
    ...over,
  }
}

const FLOW: FlowConfig = {
  name: 'web-form-leads',
  from: [{ connector: 'lead-form', object: 'received' }],
  start: 'now',
  concurrency: 8,
  rememberMs: 1,
  steps: ['validate', 'dedupe', 'transform', 'upsert-company', 'upsert-person', 'create-task'].map((id, index) => ({
    id,
    verb: id,
    path: ['flows', 'web-form-leads', 'steps', index],
    config: {},
    use: { kind: 'action', system: 'twenty', onUnknown: 'hold' },
  })),
}

export function fakeConfig(folder: string, over: Partial<Config> = {}): Config {
  return {
    files: [join(folder, 'twenty-sync.yaml')],
    systems: new Map(),
    connectors: new Map(),
    flows: new Map([[FLOW.name, FLOW]]),
    syncs: new Map(),
    log: { type: 'embedded', folder: join(folder, 'data'), prefix: 'twenty-sync', retentionMs: 1 },
    state: { type: 'embedded' },
    server: { host: '127.0.0.1', port: 8080 },
    expressions: [],
    freeMail: [],
    secrets: [CANARY],
    warnings: [],
    hash: 'abc123',
    problemAt: (path, rule, message) => ({
      file: 'twenty-sync.yaml',
      line: 1,
      column: 1,
      path: path.join('.'),
      rule,
      message,
    }),
    ...over,
  }
}

export { EXIT }
