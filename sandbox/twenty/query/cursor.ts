import { badRequest } from '../errors.ts'
import { type Row, valueAt } from '../schema/types.ts'
import type { OrderTerm } from './order.ts'

/** Base64 of JSON: the values that the rows are ordered by, and the id. Opaque to clients. */
export function cursorOf(row: Row, order: readonly OrderTerm[]): string {
  const values: Record<string, unknown> = {}
  for (const { path } of order) {
    const value = valueAt(row, path)
    if (path.length === 1) values[path[0]!] = value
    else values[path[0]!] = { ...(values[path[0]!] as object | undefined), [path[1]!]: value }
  }
  return Buffer.from(JSON.stringify(values)).toString('base64')
}

/** @throws TwentyError 400 when the text is no cursor, or one of another order. */
export function readCursor(text: string, order: readonly OrderTerm[]): Row {
  let values: unknown
  try {
    values = JSON.parse(Buffer.from(text, 'base64').toString())
  } catch {
    throw invalidCursor(text)
  }
  if (typeof values !== 'object' || values === null || typeof (values as Row).id !== 'string') throw invalidCursor(text)
  if (order.some(({ path }) => !Object.hasOwn(values as Row, path[0]!))) throw invalidCursor(text)
  return values as Row
}

function invalidCursor(text: string) {
  return badRequest(`Invalid cursor: ${text}`, 'INVALID_CURSOR')
}
