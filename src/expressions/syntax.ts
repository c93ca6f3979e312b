import { bracketsOf, CLOSER } from './brackets.ts'

export interface SyntaxDefect {
  readonly offset: number
  readonly message: string
  /** The whole expression as it was probably meant; it parses. */
  readonly suggestion?: string
}

/** What the parser says: in its own words, with the place. */
export interface ParserComplaint {
  readonly offset: number
  readonly summary: string
}

type Parses = (source: string) => boolean
type Guess = (source: string, complaint: ParserComplaint) => (Omit<SyntaxDefect, 'suggestion'> & Repair) | undefined

/** Candidates for what was meant, the likeliest first. Only one that parses is ever shown. */
interface Repair {
  readonly repairs?: readonly string[]
}

/** Says what is wrong with an expression that does not parse, in the words of its author's mistake. */
export function syntaxDefect(source: string, complaint: ParserComplaint, parses: Parses): SyntaxDefect {
  for (const guess of GUESSES) {
    const found = guess(source, complaint)
    if (!found) continue
    const { repairs = [], ...defect } = found
    const suggestion = [...repairs, textOf(source)].find(repair => repair !== undefined && parses(repair))
    return suggestion === undefined ? defect : { ...defect, suggestion }
  }
  return { offset: complaint.offset, message: complaint.summary }
}

/** Words of other languages, and what CEL has in their place. */
const OPERATORS: readonly (readonly [pattern: RegExp, meant: string, says: string])[] = [
  [/===/, '==', '`===` is no operator here; equality is `==`'],
  [/!==/, '!=', '`!==` is no operator here; inequality is `!=`'],
  [/<>/, '!=', '`<>` is no operator here; inequality is `!=`'],
  [/(?<![=!<>])=(?!=)/, '==', '`=` sets a value, and an expression only reads; equality is `==`'],
  [/\band\b/i, '&&', '`and` is written `&&`'],
  [/\bor\b/i, '||', '`or` is written `||`'],
  [/\bnot\s+/i, '!', '`not` is written `!`'],
  [/(?<!&)&(?!&)/, '&&', '`&` is no operator here; "and" is `&&`'],
  [/(?<!\|)\|(?!\|)/, '||', '`|` is no operator here; "or" is `||`'],
  [/[“”„‘’`]/, "'", 'text stands between straight quotes'],
]

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/\band\b/gi, '&&'],
  [/\bor\b/gi, '||'],
  [/\bnot\s+/gi, '!'],
]

const GUESSES: readonly Guess[] = [
  source => (source.trim() === '' ? { offset: 0, message: 'there is no expression here' } : undefined),
  template,
  unterminated,
  foreignOperator,
  strayBracket,
  unclosedBracket,
  noElse,
  reservedWord,
  endsEarly,
  unexpected,
]

/** `Call {{data.name}}`, as many other tools write it. */
function template(source: string, { offset }: ParserComplaint): ReturnType<Guess> {
  const at = source.indexOf('{{')
  if (at < 0 || offset < at || !source.includes('}}', at)) return undefined
  const parts = source
    .split(/\{\{(.*?)\}\}/)
    .map((part, index) => (index % 2 === 1 ? part.trim() : part && quoted(part)))
  const message = '`{{` and `}}` mark nothing here: all of it is an expression, and text stands in quotes'
  return { offset: at, message, repairs: [parts.filter(Boolean).join(' + ')] }
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`
}

function unterminated(source: string, { offset, summary }: ParserComplaint): ReturnType<Guess> {
  if (!/^(Unterminated|Newlines not allowed)/.test(summary)) return undefined
  const start = summary.startsWith('Unterminated') ? offset : source.lastIndexOf("'", offset)
  const quote = source.slice(start).match(/^['"]{3}|^['"]/)?.[0] ?? "'"
  const message = `the text that begins here has no closing ${quote}`
  const closers = bracketsOf(source).open.map(({ opener }) => CLOSER[opener]!)
  const tail = closers.reverse().join('')
  // `f('abc)`: the quote is missed where the brackets begin, rather than behind them.
  const inner = /[)\]}]+$/.exec(source)?.[0]
  const before = inner ? [`${source.slice(0, -inner.length)}${quote}${inner}`] : []
  return { offset: Math.max(0, start), message, repairs: [...before, `${source}${quote}`, `${source}${quote}${tail}`] }
}

/** Only where the parser stumbled over it: `data.a + ' and ' + data.b` has a word in a text. */
function foreignOperator(source: string, { offset }: ParserComplaint): ReturnType<Guess> {
  for (const [pattern, meant, message] of OPERATORS) {
    const all = new RegExp(pattern.source, `${pattern.flags}g`)
    for (const { index, 0: text } of source.matchAll(all)) {
      if (offset < index - 1 || offset > index + text.length) continue
      const words = WORDS.reduce((sofar, [word, operator]) => replaced(sofar, word, operator), source)
      return { offset: index, message, repairs: [replaced(source, all, meant), words] }
    }
  }
  return undefined
}

/** Everywhere but inside texts: who writes `and` once writes it again. */
function replaced(source: string, pattern: RegExp, meant: string): string {
  return source
    .split(/('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/)
    .map((part, at) => (at % 2 === 1 ? part : part.replaceAll(pattern, meant)))
    .join('')
}

function strayBracket(source: string): ReturnType<Guess> {
  const { stray } = bracketsOf(source)
  if (!stray) return undefined
  const { closer, offset, expected } = stray
  const without = source.slice(0, offset) + source.slice(offset + 1)
  if (expected === undefined) {
    return { offset, message: `this \`${closer}\` closes nothing`, repairs: [without.trimEnd()] }
  }
  const message = `\`${expected}\` is expected here, and there is \`${closer}\``
  return { offset, message, repairs: [source.slice(0, offset) + expected + source.slice(offset + 1), without] }
}

function unclosedBracket(source: string, { offset }: ParserComplaint): ReturnType<Guess> {
  const { open } = bracketsOf(source)
  const last = open.at(-1)
  if (!last || offset < source.trimEnd().length) return undefined
  const closers = open.map(({ opener }) => CLOSER[opener]!).reverse()
  const message = `this \`${last.opener}\` is not closed; \`${closers[0]}\` is missing`
  const trimmed = source.trimEnd()
  return { offset: last.offset, message, repairs: [`${trimmed}${closers.join('')}`] }
}

function noElse(source: string, { offset, summary }: ParserComplaint): ReturnType<Guess> {
  if (!summary.startsWith('Expected COLON')) return undefined
  const isMap = bracketsOf(source.slice(0, offset)).open.at(-1)?.opener === '{'
  if (isMap) return { offset, message: '`:` and a value are expected after the key of a map' }
  const message = '`:` is expected, and after it the value for when the condition is false'
  return { offset, message, repairs: [`${source.trimEnd()} : null`] }
}

function reservedWord(_source: string, { offset, summary }: ParserComplaint): ReturnType<Guess> {
  const word = /^Reserved identifier: (\w+)/.exec(summary)?.[1]
  if (word === undefined) return undefined
  const message =
    word === 'if' ? 'there is no `if` here; a choice is `condition ? value : other`' : `\`${word}\` is a reserved word`
  return { offset, message }
}

function endsEarly(source: string, { offset, summary }: ParserComplaint): ReturnType<Guess> {
  if (!/(Unexpected token|got) ?:? ?EOF$/.test(summary)) return undefined
  const operator = /(&&|\|\||[=!<>]=|[-+*/%<>!?:,.])\s*$/.exec(source)?.[1]
  const after = operator ? ` after \`${operator}\`` : ''
  const what = operator === '.' ? 'the name of a field is' : 'a value is'
  return { offset: Math.min(offset, source.length), message: `the expression ends where ${what} expected${after}` }
}

const TOKENS: Readonly<Record<string, string>> = {
  IDENTIFIER: 'the name of a field',
  RPAREN: '`)`',
  RBRACKET: '`]`',
  RBRACE: '`}`',
  COMMA: '`,`',
}

function unexpected(source: string, { offset, summary }: ParserComplaint): ReturnType<Guess> {
  const wanted = TOKENS[/^Expected (\w+)/.exec(summary)?.[1] ?? '']
  const isUnexpected = wanted !== undefined || /^Unexpected (character|token)/.test(summary)
  const there = /^(\w+|[^\w\s])/u.exec(source.slice(offset))?.[0]
  if (!isUnexpected || there === undefined) return undefined
  const before = source.slice(0, offset).trimEnd()
  if (wanted) return { offset, message: `${wanted} is expected here, and there is \`${there}\`` }
  // After something that is a value the parser wants an operator, after an operator a value.
  const needs = /[\w)\]}'"]$/.test(before) ? 'an operator, like `+` or `==`,' : 'a value'
  return { offset, message: `${needs} is expected here, and there is \`${there}\`` }
}

/** What reads like words was probably meant as text. */
function textOf(source: string): string | undefined {
  const text = source.trim()
  const isProse = /^[\p{L}\p{N}][\p{L}\p{N} ,.:;!?%€$#@_-]*$/u.test(text) && /\p{L}[,.:;!?]? \S/u.test(text)
  return isProse && !/\b(data|event)\b/.test(text) ? `'${text}'` : undefined
}
