import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { reason } from '../config/references.ts'
import { SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import { compileExpression } from '../expressions/compile.ts'
import { parseJson } from '../json.ts'
import { UsageError } from './exit-code.ts'
import type { Session } from './session.ts'
import type { Shell } from './shell.ts'

const MOST_SHOWN = 5

/** A JSON object that an option gives: as it stands, `@<file>`, or `-` for stdin. @throws UsageError */
export async function readFields({ shell }: Session, given: string, option: string): Promise<Fields> {
  const text = given === '-' || given.startsWith('@') ? await textOf(shell, given.replace(/^@/, ''), option) : given
  let value: unknown
  try {
    value = parseJson(Buffer.from(text))
  } catch (thrown) {
    const why = (thrown as Error).message.replace(/^the body/, 'it')
    throw new UsageError(
      `${option} cannot be used: ${why}; it takes JSON like {"email":"ada@example.com"}, @<file>, or - for stdin`,
    )
  }
  if (isFields(value)) return value
  throw new UsageError(`${option} must be a JSON object, like {"email":"ada@example.com"}`)
}

/** The records of a JSONL file, all of them sound. @throws UsageError that names the lines that are not. */
export async function readRecords({ shell }: Session, file: string, where: string | undefined): Promise<Fields[]> {
  const chosen = condition(where)
  const records: Fields[] = []
  const bad: string[] = []
  for (const [at, line] of (await textOf(shell, file, '--list')).split('\n').entries()) {
    if (line.trim() === '') continue
    const record = recordOf(line)
    if (typeof record === 'string') bad.push(`line ${at + 1}: ${record}`)
    else if (chosen(record)) records.push(record)
  }
  if (bad.length === 0) return records
  const more = bad.length > MOST_SHOWN ? `; and ${bad.length - MOST_SHOWN} more` : ''
  throw new UsageError(
    `--list takes a JSON object a line, and nothing was appended; ${bad.slice(0, MOST_SHOWN).join('; ')}${more}`,
  )
}

function recordOf(line: string): Fields | string {
  try {
    const value = parseJson(Buffer.from(line))
    return isFields(value) ? value : 'it is no JSON object'
  } catch (thrown) {
    return (thrown as Error).message.replace(/^the body/, 'it')
  }
}

/** A record that lacks what is asked about is not meant. */
function condition(where: string | undefined): (data: Fields) => boolean {
  if (where === undefined) return () => true
  const expression = compileExpression(where, { names: ['data'], result: 'boolean' })
  return data => {
    try {
      return expression.evaluate({ data }) === true
    } catch (thrown) {
      if (thrown instanceof SyncError) return false
      throw thrown
    }
  }
}

async function textOf(shell: Shell, file: string, option: string): Promise<string> {
  if (file === '-') return shell.stdin.text()
  try {
    return await readFile(resolve(shell.folder, file), 'utf8')
  } catch (thrown) {
    throw new UsageError(`${option}: ${file} cannot be read: ${reason(thrown)}`)
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
