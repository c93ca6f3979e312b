import pino, { type Logger } from 'pino'
import type { Redactor } from '../../runtime/redact.ts'
import type { Output } from '../shell.ts'
import type { Style } from './style.ts'
import { plain } from './text.ts'

export interface LogOptions {
  readonly output: Output
  readonly style: Style
  readonly level: string
  /** Asked for each line: a reload brings other secrets. */
  readonly redactor: () => Redactor
}

/** JSON lines, one event one line; on a terminal a form for people. P9: secret values are replaced wherever they stand. */
export function createLogger({ output, style, level, redactor }: LogOptions): Logger {
  const options = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return pino(options, {
    write(line: string) {
      const entry = redactor().redact(JSON.parse(line) as LogEntry)
      void output.write(output.isTty ? `${prettyLine(entry, style)}\n` : `${JSON.stringify(entry)}\n`)
    },
  })
}

interface LogEntry {
  readonly level: string
  readonly time: string
  readonly msg?: string
  readonly err?: { readonly stack?: string; readonly message?: string }
  readonly [field: string]: unknown
}

/** `10:00:00.123 warn  what happened  flow=leads code=TIMEOUT` */
export function prettyLine({ level, time, msg = '', err, ...fields }: LogEntry, style: Style): string {
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${plain(textOf(value))}`)
  const head = `${style.dim(time.slice(11, 23))} ${paintLevel(level, style)(level.padEnd(5))} ${plain(msg)}`
  const line = facts.length > 0 ? `${head}  ${style.dim(facts.join(' '))}` : head
  const stack = err?.stack ?? err?.message
  if (!stack) return line
  const rest = stack.split('\n').map(part => `    ${style.dim(plain(part))}`)
  return [line, ...rest].join('\n')
}

function paintLevel(level: string, style: Style): (text: string) => string {
  if (level === 'error' || level === 'fatal') return style.red
  return level === 'warn' ? style.yellow : style.dim
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
