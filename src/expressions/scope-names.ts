import { isDangerousKey } from '../json.ts'
import { dialect } from './dialect.ts'

/** What `event` holds in an expression. `data` stands beside it. */
export const EVENT_FIELDS = [
  'id',
  'type',
  'time',
  'source',
  'subject',
  'object',
  'recordId',
  'action',
  'changed',
  'key',
  'extensions',
] as const

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Words of CEL itself that no value can be called by. */
const KEYWORDS = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

/** Why nothing in the scope may be called this, or undefined when it may. */
export function nameProblem(name: string): string | undefined {
  if (!IDENTIFIER.test(name)) return 'names have letters, digits and _ only, and do not begin with a digit'
  if (KEYWORDS.has(name) || isDangerousKey(name)) return `"${name}" is a reserved word`
  if (name === 'event' || name === 'data') return `"${name}" is always there and cannot be replaced`
  if (dialect.hasVariable(name)) return `"${name}" is a word of the expression language`
  return undefined
}
