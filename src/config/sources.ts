import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Problems } from './problems.ts'
import type { YamlFile } from './read-yaml.ts'
import { reason } from './references.ts'

/** Cases that stand beside a config are none of it. */
const TEST = '.test.yaml'

/** The named files, and of folders every `*.yaml` that lies directly in them, by name. Each file once. */
export function readSources(paths: readonly string[], problems: Problems): YamlFile[] {
  const files = [...new Set(paths.flatMap(path => filesOf(resolve(path), problems)))]
  return files.flatMap(file => {
    const text = attempt(file, problems, () => readFileSync(file, 'utf8'))
    return text === undefined ? [] : [{ file, text: text.replace(/^\uFEFF/, '') }]
  })
}

function filesOf(path: string, problems: Problems): string[] {
  const isFolder = attempt(path, problems, () => statSync(path).isDirectory())
  if (isFolder === undefined) return []
  if (!isFolder) return [path]
  const names = readdirSync(path).filter(name => name.endsWith('.yaml') && !name.endsWith(TEST))
  if (names.length === 0) problems.add(top(path), [], 'file', `there is no *.yaml file in ${path}`)
  return names.sort().map(name => join(path, name))
}

function attempt<T>(path: string, problems: Problems, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    problems.add(top(path), [], 'file', `${path} cannot be read: ${reason(error)}`)
    return undefined
  }
}

function top(file: string) {
  return { file, line: 1, column: 1 }
}
