import { badRequest } from '../errors.ts'

export interface Token {
  readonly kind: 'name' | 'punctuator' | 'int' | 'float' | 'string' | 'end'
  readonly text: string
  readonly at: number
}

const TOKEN =
  /[\s,\uFEFF]+|#[^\n\r]*|("""(?:\\"""|[^"]|"(?!""))*""")|("(?:\\.|[^"\\\n\r])*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([_A-Za-z]\w*)|(\.\.\.|[!$()&:=@[\]{|}])/y

/** @throws TwentyError 400 where the text is no GraphQL. */
export function tokens(text: string): Token[] {
  const found: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (!match) throw badRequest(`Syntax Error: Unexpected character at ${at}: ${text.slice(at, at + 10)}`)
    const [, block, quoted, number, name, punctuator] = match
    if (block !== undefined) found.push({ kind: 'string', text: dedent(block.slice(3, -3)), at })
    else if (quoted !== undefined) found.push({ kind: 'string', text: unescaped(quoted), at })
    else if (number !== undefined) found.push({ kind: /[.eE]/.test(number) ? 'float' : 'int', text: number, at })
    else if (name !== undefined) found.push({ kind: 'name', text: name, at })
    else if (punctuator !== undefined) found.push({ kind: 'punctuator', text: punctuator, at })
  }
  found.push({ kind: 'end', text: '', at: text.length })
  return found
}

/** GraphQL's escapes are those of JSON. */
function unescaped(quoted: string): string {
  try {
    return JSON.parse(quoted) as string
  } catch {
    throw badRequest(`Syntax Error: Invalid string ${quoted}`)
  }
}

function dedent(text: string): string {
  const lines = text.replaceAll('\\"""', '"""').split(/\r\n|\n|\r/)
  const indents = lines
    .slice(1)
    .filter(line => line.trim())
    .map(line => line.length - line.trimStart().length)
  const indent = indents.length > 0 ? Math.min(...indents) : 0
  const shifted = lines.map((line, number) => (number === 0 ? line : line.slice(indent)))
  while (shifted.length > 0 && !shifted[0]!.trim()) shifted.shift()
  while (shifted.length > 0 && !shifted.at(-1)!.trim()) shifted.pop()
  return shifted.join('\n')
}
