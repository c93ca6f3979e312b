import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { systemClock } from '../environment/clock.ts'
import type { CreateWorkspace } from '../testing/workspace.ts'
import { EXIT, Interrupted } from './exit-code.ts'
import type { Backend, Input, Output, RunningSandbox, SandboxStart, Shell } from './shell.ts'

/** The process that this is. */
export async function nodeShell(): Promise<Shell> {
  const { createEnvironment } = await import('../environment/system.ts')
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdin: input,
    variables: process.env,
    folder: process.cwd(),
    version: version(),
    pid: process.pid,
    clock: systemClock,
    backend: nodeBackend,
    environment: logger => createEnvironment({ logger }),
    onSignal(name, handler) {
      process.on(name, handler)
      return () => process.off(name, handler)
    },
    onCrash(handler) {
      process.on('unhandledRejection', handler).on('uncaughtException', handler)
      return () => void process.off('unhandledRejection', handler).off('uncaughtException', handler)
    },
    exit: code => process.exit(code),
  }
}

/** Each part is loaded by the commands that need it. */
export const nodeBackend: Backend = {
  async loadConfig(paths, variables) {
    const { loadConfig } = await import('../config/load.ts')
    return loadConfig(paths, { env: variables })
  },
  async locateLog(paths, variables) {
    return (await import('./locate-log.ts')).locateLog(paths, variables)
  },
  async startDaemon(options) {
    return (await import('../runtime/daemon.ts')).startDaemon(options)
  },
  async openOffline(config, env) {
    return (await import('../runtime/open-offline.ts')).openOffline(config, env)
  },
  async verifyLive(config, env, signal) {
    return (await import('../runtime/verify-systems.ts')).verifyLive(config, env, signal)
  },
  async startSandbox({ all, ...options }) {
    const module = await sandboxModule<SandboxModule>(all ? 'all' : 'twenty/server')
    const sandbox = await (all ? module.startSandboxAll! : module.startSandboxTwenty!)(options)
    return Object.assign(sandbox, { close: () => sandbox.stop() })
  },
  async tryEvent(config, request, env, signal) {
    return (await import('../runtime/trial.ts')).tryEvent(config, request, env, signal)
  },
  async *runTests(options) {
    const { runTests } = await import('../testing/run-tests.ts')
    const { createWorkspace } = await sandboxModule<WorkspaceModule>('twenty/workspace')
    yield* runTests({ ...options, createWorkspace })
  },
}

/** The one way from the product to its sandbox: for commands that exist to start it. Nothing else may import it. */
async function sandboxModule<T>(name: string): Promise<T> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return (await import(new URL(`../../sandbox/${name}.${extension}`, import.meta.url).href)) as T
}

interface WorkspaceModule {
  readonly createWorkspace: CreateWorkspace
}

type StartSandbox = (
  options: Omit<SandboxStart, 'all'>,
) => Promise<Omit<RunningSandbox, 'close'> & { stop(): Promise<void> }>

interface SandboxModule {
  readonly startSandboxTwenty?: StartSandbox
  readonly startSandboxAll?: StartSandbox
}

function outputOf(stream: WriteStream): Output {
  // `| head` closes the pipe: there is nobody left to tell anything.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done)
    throw error
  })
  return {
    isTty: stream.isTTY ?? false,
    get columns() {
      // A terminal that does not know its size says 0.
      return stream.columns || undefined
    },
    write: text => new Promise(resolve => stream.write(text, () => resolve())),
  }
}

const input: Input = {
  isTty: process.stdin.isTTY ?? false,
  async text() {
    return Buffer.concat(await process.stdin.toArray()).toString('utf8')
  },
  async ask(question, { hidden = false } = {}) {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    process.stderr.write(hidden ? question : '')
    const lines = createInterface({ input: process.stdin, output: hidden ? nowhere : process.stderr, terminal: true })
    try {
      return await new Promise<string>((resolve, reject) => {
        lines.on('SIGINT', () => reject(new Interrupted('SIGINT')))
        lines.on('close', () => reject(new Interrupted('SIGINT')))
        lines.question(hidden ? '' : question).then(resolve, reject)
      })
    } finally {
      lines.close()
      if (hidden) process.stderr.write('\n')
    }
  },
}

/** Of the nearest package.json: one folder more lies between in a build. */
function version(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version
    } catch {
      // Not in this place.
    }
  }
  return 'unknown'
}
