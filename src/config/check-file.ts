import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ConfigPath } from './config.ts'
import type { LoadContext } from './load-context.ts'
import type { ScalarNode } from './node.ts'
import { reason } from './references.ts'

/** The absolute path of a file that is named relative to the config file that names it. */
export function checkFile(node: ScalarNode, path: ConfigPath, load: LoadContext): string {
  const file = resolve(dirname(node.place.file), String(node.value))
  try {
    const content = statSync(file).isFile() ? readFileSync(file) : ''
    load.files.set(node, createHash('sha256').update(content).digest('hex'))
  } catch (error) {
    load.problems.add(node.place, path, 'file', `the file ${file} cannot be read: ${reason(error)}`)
  }
  return file
}
