import { readFileSync } from 'node:fs'
import { relative as relativePath } from 'node:path'
import type { Problem } from '../../config/config.ts'
import type { Style } from './style.ts'
import { plain, widthOf } from './text.ts'

/** Each problem with the line that it is about, a caret under the place, and what would be right. */
export function problemsText(problems: readonly Problem[], folder: string, style: Style): string {
  const lines = new SourceLines(problems)
  return problems.map(problem => problemText(problem, lines, folder, style)).join('\n\n')
}

function problemText(problem: Problem, lines: SourceLines, folder: string, style: Style): string {
  const { file, line, column, path, message, suggestion } = problem
  const place = `${shown(file, folder)}:${line}:${column}`
  const source = lines.at(problem)
  const number = String(line)
  return [
    path === '' ? style.bold(place) : `${style.bold(place)}  ${style.cyan(path)}`,
    `  ${style.red(plain(message))}`,
    ...(source === undefined
      ? []
      : [
          `  ${style.dim(`${number} |`)} ${source}`,
          `  ${' '.repeat(number.length)} ${style.dim('|')} ${' '.repeat(widthOf(source.slice(0, column - 1)))}${style.red('^')}`,
        ]),
    ...(suggestion ? [`  ${style.green(`try: ${plain(suggestion)}`)}`] : []),
  ].join('\n')
}

/** As short as it can be and still be opened from here. */
function shown(file: string, folder: string): string {
  const near = relativePath(folder, file)
  return near === '' || near.startsWith('..') ? file : near
}

class SourceLines {
  readonly #files = new Map<string, readonly string[]>()
  readonly #secret: ReadonlySet<string>

  constructor(problems: readonly Problem[]) {
    this.#secret = new Set(problems.filter(({ rule }) => rule.includes('secret')).map(placeOf))
  }

  /** P9: a line that was found to hold a secret is not shown, by none of its problems. */
  at(problem: Problem): string | undefined {
    if (this.#secret.has(placeOf(problem))) return undefined
    const line = this.#linesOf(problem.file)[problem.line - 1]
    return line === undefined || line.trim() === '' ? undefined : line.replaceAll('\t', ' ')
  }

  #linesOf(file: string): readonly string[] {
    const known = this.#files.get(file)
    if (known) return known
    const lines = read(file)
    this.#files.set(file, lines)
    return lines
  }
}

function placeOf({ file, line }: Problem): string {
  return `${file}:${line}`
}

function read(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)
  } catch {
    return []
  }
}
