import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { canonicalJson, shortHash } from '../identity.ts'

/** Where a daemon listens for its own command line, and the token that it asks for. */
export interface ControlAddress {
  readonly url: string
  readonly token: string
  readonly pid: number
}

/** Answer to `hello`, by which the command line knows the daemon from whoever got its port after it. */
export const HELLO = 'twenty-sync'

const FILE = 'control.json'
const OWN_FOLDER = '.twenty-sync'

/**
 * The one folder that a daemon and the commands for it have in common: the log's own, else one beside the first config
 * file, named after the log so that several installations can share config files.
 * @param base in place of the folder beside the config file, where that cannot be written to.
 */
export function controlFolder({ log, files }: Pick<Config, 'log' | 'files'>, base?: string): string {
  if (log.type === 'embedded') return resolve(log.folder)
  const installation = log.type === 'kafka' ? canonicalJson([log.brokers, log.prefix]) : canonicalJson(files)
  return join(resolve(base ?? dirname(files[0] ?? '.')), OWN_FOLDER, shortHash(installation))
}

/** Whole or not at all, and readable by this user alone: the token opens everything that the daemon can do. */
export function writeControlFile(folder: string, address: ControlAddress): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // A config folder is often a git checkout; the token must not be committed with it.
  if (basename(dirname(folder)) === OWN_FOLDER) writeFileSync(join(dirname(folder), '.gitignore'), '*\n')
  const draft = join(folder, `${FILE}.${address.pid}`)
  rmSync(draft, { force: true })
  writeFileSync(draft, `${JSON.stringify(address)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(draft, join(folder, FILE))
}

/** undefined when there is none that can be read. */
export function readControlFile(folder: string): ControlAddress | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, FILE), 'utf8'))
    return isAddress(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Only the file that carries this token: another daemon may have written its own since. */
export function removeControlFile(folder: string, token: string): void {
  if (readControlFile(folder)?.token === token) rmSync(join(folder, FILE), { force: true })
}

function isAddress(value: unknown): value is ControlAddress {
  if (typeof value !== 'object' || value === null) return false
  const { url, token, pid } = value as Partial<Record<keyof ControlAddress, unknown>>
  return typeof url === 'string' && isLoopback(url) && typeof token === 'string' && typeof pid === 'number'
}

/** The token is sent nowhere else, whatever the file says. */
function isLoopback(url: string): boolean {
  return URL.canParse(url) && new URL(url).protocol === 'http:' && new URL(url).hostname === '127.0.0.1'
}
