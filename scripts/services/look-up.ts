import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A look-up that shows nothing new for this long has failed. Downloads that go on may take longer. */
export const SILENCE_MS = 10_000

/** Where downloads are kept between runs; nothing of it is needed by the product. */
export const cacheFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'twenty-sync')

/** A way to get a service that is not open on this machine, and why. */
export class NotAvailable extends Error {}

export interface Ran {
  readonly status: number | null
  readonly output: string
}

/** Runs to the end; ended by force when it prints nothing for `silenceMs`. Never throws. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    let silence: NodeJS.Timeout
    const heard = (chunk = '') => {
      output += chunk
      clearTimeout(silence)
      silence = setTimeout(() => {
        output += `\n(ended: silent for ${(options.silenceMs ?? SILENCE_MS) / 1000} s)`
        child.kill('SIGKILL')
      }, options.silenceMs ?? SILENCE_MS)
    }
    const settle = (status: number | null) => {
      clearTimeout(silence)
      resolve({ status, output })
    }
    heard()
    child.stdout.on('data', chunk => heard(String(chunk)))
    child.stderr.on('data', chunk => heard(String(chunk)))
    child.once('error', error => {
      output += error.message
      settle(null)
    })
    child.once('close', settle)
  })
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly silenceMs?: number
}

/** Full path of a program on PATH. */
export async function which(program: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}

/** A folder of the cache, filled once: `fill` works in a fresh folder that takes the name only when it is whole. */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder, name)
  if (await exists(folder)) return folder
  const fresh = `${folder}.${process.pid}.part`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true })
  try {
    await fill(fresh)
    // Another process may have been faster; its folder is as good as ours.
    await rename(fresh, folder).catch(async error => {
      if (!(await exists(folder))) throw error
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return folder
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

export async function dockerEngine(): Promise<boolean> {
  if (!(await which('docker'))) return false
  return (await run('docker', ['info', '--format', '{{.ServerVersion}}'])).status === 0
}

/** Tries one way after the other; the reasons of all that were not open come together in the error. */
export async function firstOf<T>(what: string, ways: readonly (readonly [string, () => Promise<T>])[]): Promise<T> {
  const reasons: string[] = []
  for (const [name, way] of ways) {
    try {
      return await way()
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new NotAvailable(`no ${what} can be had here\n  ${reasons.join('\n  ')}`)
}
