import type { Scalar } from 'yaml'

const ESCAPE = /\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|\r?\n[ \t]*|[\s\S])/y
const BLANK = /\s/

/**
 * Where in the file a character of a text stands, of a text that may be quoted, escaped, folded or a block. White space
 * is what the styles change; so the visible characters of both are matched in order, and blanks follow the one before.
 * @param raw the text as it stands in the file, from its first quote, bar or letter on.
 * @returns from an offset in the text to one in `raw`.
 */
export function locator(raw: string, { type, value }: Scalar): ((offset: number) => number) | undefined {
  const text = String(value)
  const begin = contentStart(raw, type)
  const places: number[] = []
  let at = begin
  let end = begin
  for (let index = 0; index < text.length; index++) {
    if (BLANK.test(text[index]!)) {
      places.push(end++)
      continue
    }
    const unit = nextVisible(raw, at, type)
    if (!unit) return undefined
    places.push(unit.start)
    // Beyond the 65,536 first characters of Unicode one escape stands for two units.
    for (let extra = 1; extra < unit.stands; extra++, index++) places.push(unit.start)
    at = unit.end
    end = unit.end
  }
  places.push(end)
  return offset => places[Math.min(offset, text.length)]!
}

function contentStart(raw: string, type: Scalar['type']): number {
  if (type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE') return 1
  if (type !== 'BLOCK_FOLDED' && type !== 'BLOCK_LITERAL') return 0
  // The first line says how the block is meant: `|`, `>-`, perhaps a comment.
  const head = raw.indexOf('\n') + 1
  return head + (/^[ \t\r\n]*/.exec(raw.slice(head))?.[0].length ?? 0)
}

interface Unit {
  readonly start: number
  readonly end: number
  /** Characters of the text that it stands for. */
  readonly stands: number
}

function nextVisible(raw: string, from: number, type: Scalar['type']): Unit | undefined {
  for (let at = from; at < raw.length; ) {
    const unit = unitAt(raw, at, type)
    if (unit.stands > 0) return unit
    at = unit.end
  }
  return undefined
}

function unitAt(raw: string, start: number, type: Scalar['type']): Unit {
  if (type === 'QUOTE_DOUBLE' && raw[start] === '\\') return escapeAt(raw, start)
  if (type === 'QUOTE_SINGLE' && raw[start] === "'") return { start, end: start + 2, stands: 1 }
  return { start, end: start + 1, stands: BLANK.test(raw[start]!) ? 0 : 1 }
}

/** Escapes of blanks and line ends stand for nothing visible. */
function escapeAt(raw: string, start: number): Unit {
  ESCAPE.lastIndex = start
  const text = ESCAPE.exec(raw)?.[0] ?? '\\'
  const end = start + text.length
  if (/^\\[nrtvfN_LP\s]/.test(text)) return { start, end, stands: 0 }
  if (!/^\\[xuU]/.test(text)) return { start, end, stands: 1 }
  const character = String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(text.slice(2), 16)))
  return { start, end, stands: BLANK.test(character) ? 0 : character.length }
}
