import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parseEnv } from 'node:util'
import { UsageError } from './exit-code.ts'
import type { Variables } from './shell.ts'

const DEFAULTS = ['twenty-sync.yaml', 'config']

/** The process's own variables, and those of `.env` in the folder that it does not have. */
export function variablesIn(folder: string, own: Variables): Variables {
  const file = join(folder, '.env')
  return existsSync(file) ? { ...parseEnv(readFileSync(file, 'utf8')), ...own } : own
}

/**
 * Which config is meant: what was named, else TWENTY_SYNC_CONFIG, else `twenty-sync.yaml` or `config/` in the folder.
 * @throws UsageError when there is none.
 */
export function configPaths(named: readonly string[], variables: Variables, folder: string): readonly string[] {
  if (named.length > 0) return named
  if (variables.TWENTY_SYNC_CONFIG) return variables.TWENTY_SYNC_CONFIG.split(delimiter)
  const found = DEFAULTS.map(name => join(folder, name)).find(existsSync)
  if (found) return [found]
  throw new UsageError(
    `there is no config here: neither ${DEFAULTS.join(' nor ')} is in ${folder}. Name one with --config or TWENTY_SYNC_CONFIG, or write a first one with \`twenty-sync init\``,
  )
}
