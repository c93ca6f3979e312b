import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

/** Files in the folders of these pages that nothing makes any more: those of components that are gone. */
export function leftOver(generated: readonly Generated[]): string[] {
  const made = new Set(generated.map(({ file }) => file))
  const folders = [...new Set([...made].map(file => dirname(file)))]
  return folders.flatMap(folder =>
    readdirSync(join(ROOT, folder), { withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(({ name }) => join(folder, name))
      .filter(file => !made.has(file)),
  )
}

export function remove(files: readonly string[]): void {
  for (const file of files) rmSync(join(ROOT, file))
}
