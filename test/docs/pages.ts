import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')

export interface Block {
  readonly page: string
  readonly line: number
  /** Words behind the fence: `yaml config`. */
  readonly info: string
  readonly text: string
}

export interface Page {
  /** Below the project. */
  readonly file: string
  readonly text: string
  readonly blocks: readonly Block[]
  /** Code within sentences. */
  readonly inline: readonly { readonly line: number; readonly text: string }[]
}

/** Every page of documentation. */
export const PAGES: readonly Page[] = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => `docs/${file}`),
].map(pageOf)

function pageOf(file: string): Page {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const blocks = [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(match => ({
    page: file,
    line: lineAt(text, match.index),
    info: match[1]!.trim(),
    text: match[2]!,
  }))
  const prose = text.replace(/^```.*\n[\s\S]*?^```$/gm, block => block.replace(/[^\n]/g, ''))
  const inline = [...prose.matchAll(/`([^`\n]+)`/g)].map(match => ({
    line: lineAt(prose, match.index),
    text: match[1]!.replaceAll('\\<', '<').replaceAll('\\|', '|'),
  }))
  return { file, text, blocks, inline }
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
