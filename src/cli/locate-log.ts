import { ConfigError, type LogConfig } from '../config/config.ts'
import { readEngine } from '../config/engine-config.ts'
import { Secrets } from '../config/load-context.ts'
import { mergeDocuments } from '../config/merge.ts'
import { Problems } from '../config/problems.ts'
import { readYaml } from '../config/read-yaml.ts'
import { readSources } from '../config/sources.ts'
import type { Variables } from './shell.ts'

export interface LocatedLog {
  readonly files: readonly string[]
  readonly log: LogConfig
}

/**
 * Where the log of a config is, whatever else is wrong with the config: a running daemon can be asked from a shell
 * that lacks its secrets, and while somebody is editing the file. undefined when that cannot be known.
 */
export function locateLog(paths: readonly string[], variables: Variables): LocatedLog | undefined {
  const problems = new Problems()
  const sources = readSources(paths, problems)
  const files = sources.map(({ file }) => file)
  const documents = sources.flatMap(source => readYaml(source, variables, problems))
  if (documents.length === 0) return undefined
  const root = mergeDocuments(documents, files[0] ?? '', problems)
  const { log } = readEngine(root, files, {
    problems,
    secrets: new Secrets(),
    warnings: new Set(),
    broken: new Set(),
    files: new Map(),
    expressions: [],
  })
  return isSound(problems, files) ? { files, log } : undefined
}

function isSound(problems: Problems, files: readonly string[]): boolean {
  try {
    problems.throwIfAny(files)
    return true
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown
    return !thrown.problems.some(({ path }) => path === '' || path === 'log' || path.startsWith('log.'))
  }
}
