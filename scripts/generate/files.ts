import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')

export interface Generated {
  /** Relative to the project. */
  readonly file: string
  readonly content: string
}

export function outdated(generated: readonly Generated[]): Generated[] {
  return generated.filter(({ file, content }) => {
    const path = join(ROOT, file)
    return !existsSync(path) || readFileSync(path, 'utf8') !== content
  })
}

export function writeAll(generated: readonly Generated[]): void {
  for (const { file, content } of generated) {
    const path = join(ROOT, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
}
