import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accepts } from './ports.ts'

/**
 * Runs a server so that it never outlives this process, whatever ends it: the guard's standard input is a pipe from us,
 * and when that closes (exit, Ctrl-C, crash, kill -9) the guard kills its whole process group and removes the data.
 * SIGTERM to the group is passed on: the guard itself waits for the server's end and ends with its status.
 */
const GUARD = `
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
( cat <&3 >/dev/null; kill -KILL $$ $child; sleep 0.2; rm -rf -- "$GUARD_REMOVE"; kill -KILL -- -$$ ) 2>/dev/null &
watch=$!
exec 3<&-
trap : TERM INT
status=0
while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
kill -KILL $watch
exit $status
`

export interface GuardedProcess {
  /** Also the id of its process group. */
  readonly pid: number
  readonly exited: Promise<void>
  isRunning(): boolean
  /** What it has printed so far, both streams. */
  output(): string
  /** SIGTERM, after `graceMs` SIGKILL; to the whole group. Resolves when all of it is gone. */
  end(graceMs: number): Promise<void>
}

export interface ProcessOptions {
  /** Removed when this process goes away without having called `end`. */
  readonly dataFolder: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export function startGuarded(command: string, args: readonly string[], options: ProcessOptions): GuardedProcess {
  const logFile = join(options.dataFolder, 'output.log')
  const log = openSync(logFile, 'a')
  const child = spawn('sh', ['-c', GUARD, 'guard', command, ...args], {
    cwd: options.cwd ?? options.dataFolder,
    env: { ...process.env, ...options.env, GUARD_REMOVE: options.dataFolder },
    stdio: ['pipe', log, log],
    detached: true,
  })
  closeSync(log)
  child.stdin?.on('error', () => {})
  // The pipe must not keep this process alive; that is what `unref` of both is for.
  child.unref()
  ;(child.stdin as unknown as { unref?: () => void } | null)?.unref?.()
  const exited = new Promise<void>(resolve => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
  return {
    pid: child.pid ?? 0,
    exited,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    output: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
    end: graceMs => endGroup(child, exited, graceMs),
  }
}

async function endGroup(child: ChildProcess, exited: Promise<void>, graceMs: number): Promise<void> {
  child.ref()
  if (child.exitCode === null && child.signalCode === null && child.pid) {
    if (graceMs > 0) signalGroup(child.pid, 'SIGTERM')
    const killer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), graceMs)
    await exited
    clearTimeout(killer)
  }
  signalGroup(child.pid, 'SIGKILL')
}

function signalGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (!pid) return
  try {
    process.kill(-pid, signal)
  } catch {
    // The group is gone already.
  }
}

export async function dataFolder(name: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `twenty-sync-${name}-`))
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) }
}

/** Resolves once the port accepts; rejects with what the server printed when it ended, or after `timeoutMs`. */
export async function untilListening(port: number, server: GuardedProcess, timeoutMs: number): Promise<void> {
  const until = Date.now() + timeoutMs
  while (!(await accepts('127.0.0.1', port))) {
    if (!server.isRunning()) throw new Error(`it ended while starting:\n${tail(server.output())}`)
    if (Date.now() > until)
      throw new Error(`port ${port} does not answer after ${timeoutMs} ms:\n${tail(server.output())}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

function tail(text: string): string {
  return text.split('\n').slice(-15).join('\n')
}
