import type { Column } from './column.ts'

const MOST: Readonly<Record<string, bigint>> = { smallint: 32_767n, integer: 2_147_483_647n, bigint: 2n ** 63n - 1n }
const SHAPES: Partial<Record<Column['kind'], RegExp>> = {
  uuid: /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i,
  numeric: /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i,
  float4: /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i,
  float8: /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i,
  boolean: /^(true|false)$/,
  timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  timestamptz: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  date: /^\d{4}-(0\d|1[0-2])-[0-3]\d$/,
}

/**
 * Whether one value of the column can have this text. A statement that looks for many would fail over one that is no
 * UUID, while the answer is plain: no row has it.
 */
export function isPossible({ kind, type, labels }: Column, text: string): boolean {
  if (labels) return labels.includes(text)
  if (kind === 'integer') {
    if (!/^-?\d{1,19}$/.test(text)) return false
    const number = BigInt(text)
    const most = MOST[type.replace(/\[\]$/, '')] ?? 2n ** 31n
    return number <= most && number >= -most
  }
  return !text.includes('\0') && (SHAPES[kind]?.test(text) ?? true)
}
