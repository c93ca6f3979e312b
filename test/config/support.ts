import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Config, ConfigError, type Problem } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { tempFolder } from '../support/temp-folder.ts'

export const env = {
  TWENTY_URL: 'https://twenty.example.com',
  TWENTY_API_KEY: 'key-of-twenty',
  FORM_KEY: 'key-of-form',
  PORT: '9090',
  FLAG: 'true',
  EMPTY: '',
}

export interface Files {
  readonly [name: string]: string
}

/** Writes the files and loads those that end in `.yaml`, or the named ones. */
export async function load(
  files: Files | string,
  { env: variables = env, paths }: { env?: Record<string, string | undefined>; paths?: readonly string[] } = {},
): Promise<{ config: Config; folder: string }> {
  const folder = tempFolder()
  const all = typeof files === 'string' ? { 'c.yaml': files } : files
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const named = paths ?? Object.keys(all).filter(name => name.endsWith('.yaml'))
  try {
    const config = await loadConfig(
      named.map(path => join(folder, path)),
      { env: variables },
    )
    return { config, folder }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const shown = (text: string) => text.replaceAll(`${folder}/`, '').replaceAll(folder, '.')
    throw new ConfigError(
      error.problems.map(problem => ({ ...problem, file: shown(problem.file), message: shown(problem.message) })),
    )
  }
}

export async function problemsOf(...args: Parameters<typeof load>): Promise<readonly Problem[]> {
  try {
    await load(...args)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** `c.yaml:3:5 flows.leads.from source: there is no connector … => lead-form` */
export async function linesOf(...args: Parameters<typeof load>): Promise<string[]> {
  return (await problemsOf(...args)).map(({ file, line, column, path, rule, message, suggestion }) => {
    return `${file}:${line}:${column} ${path} ${rule}: ${message}${suggestion === undefined ? '' : ` => ${suggestion}`}`
  })
}

/** A config that is right, to break one thing in. */
export const SYSTEM = `systems:
  twenty: { type: twenty, url: "\${TWENTY_URL}", apiKey: "\${TWENTY_API_KEY}" }
`
export const FORM = `connectors:
  lead-form: { type: webhook, path: /hooks/lead-form, verify: { header: x-form-key, equals: "\${FORM_KEY}" } }
`

/** A flow of these steps: they begin in line 9, one a line, and what follows the dash in column 9. */
export function flow(...steps: string[]): string {
  const lines = steps.map(step => `      - ${step}\n`).join('')
  return `${SYSTEM}${FORM}flows:\n  leads:\n    from: lead-form\n    steps:\n${lines}`
}
