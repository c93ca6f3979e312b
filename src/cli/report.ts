import { ConfigError } from '../config/config.ts'
import { SyncError } from '../errors.ts'
import type { ExpressionDefect } from '../expressions/check.ts'
import { exitCodeOf, Interrupted, UsageError } from './exit-code.ts'
import { problemsText } from './output/problems.ts'
import type { Style } from './output/style.ts'
import { counted, plain, widthOf } from './output/text.ts'
import type { Session } from './session.ts'

/** Tells the person, or with `--json` the program, why the command failed. @returns the exit code. */
export async function report(session: Session, thrown: unknown): Promise<number> {
  if (thrown instanceof Interrupted) return thrown.code
  if (session.json) await session.print(JSON.stringify(session.redact(errorDocument(thrown))))
  else await session.say(errorText(session, thrown))
  return exitCodeOf(thrown)
}

/** `{ "error": { … } }`: the same shape for every failure. */
export function errorDocument(thrown: unknown): { error: object } {
  if (thrown instanceof ConfigError) {
    return { error: { code: 'CONFIG', message: 'the config is wrong', problems: thrown.problems } }
  }
  if (thrown instanceof SyncError) {
    const { kind, code, message, details } = thrown
    return { error: { code, kind, message, ...(details !== undefined && { details }) } }
  }
  if (thrown instanceof UsageError) return { error: { code: 'USAGE', message: thrown.message } }
  return { error: { code: 'DEFECT', message: thrown instanceof Error ? thrown.message : String(thrown) } }
}

function errorText(session: Session, thrown: unknown): string {
  const { talkStyle: style, shell } = session
  if (thrown instanceof ConfigError) {
    const found = counted(thrown.problems.length, 'problem')
    return `${problemsText(thrown.problems, shell.folder, style)}\n\n${style.red(`${found} in the config`)}`
  }
  if (thrown instanceof SyncError) {
    const advice = thrown.code === 'EXPRESSION_INVALID' ? expressionText(thrown.details, style) : ''
    return `${style.red('error')}: ${plain(thrown.message)} ${style.dim(`(${thrown.code})`)}${advice}`
  }
  if (thrown instanceof UsageError) return `${style.red('error')}: ${thrown.message}`
  // Not foreseen: whoever mends it needs the place.
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  return `${style.red('defect')}: ${stack}`
}

/** The line of the expression that is at fault, with a caret under the place. */
function expressionText(details: unknown, style: Style): string {
  const { expression, offset, suggestion } = (details ?? {}) as Partial<ExpressionDefect>
  if (typeof expression !== 'string' || typeof offset !== 'number') return ''
  const start = expression.lastIndexOf('\n', offset - 1) + 1
  const [line = ''] = expression.slice(start).split('\n', 1)
  const caret = `${' '.repeat(widthOf(plain(expression.slice(start, offset))))}${style.red('^')}`
  const advice = suggestion === undefined ? '' : `\n  ${style.green(`try: ${plain(suggestion)}`)}`
  return `\n    ${plain(line)}\n    ${caret}${advice}`
}
