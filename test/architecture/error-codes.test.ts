import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorsPage } from '../../scripts/generate/errors-page.ts'
import { CODE_GROUPS, ERROR_CODES } from '../../src/error-codes.ts'

const SRC = resolve(import.meta.dirname, '../../src')

interface Use {
  readonly code: string
  readonly kind: string | undefined
  readonly place: string
}

/** Functions that take a code on its way to a SyncError or an answer: the code's argument, and the kind where it is fixed. */
const HELPERS: readonly { call: string; codeAt: number; kind?: string; kindAt?: number; spells?: string }[] = [
  { call: 'new SyncError', kindAt: 0, codeAt: 1 },
  { call: 'make', kindAt: 0, codeAt: 1 },
  { call: 'unreadable', codeAt: 0, kind: 'rejected' },
  { call: 'databaseError', codeAt: 1, kind: 'retryable' },
  { call: 'reading', codeAt: 0, kind: 'retryable' },
  { call: 'noSuch', codeAt: 0, kind: 'rejected', spells: 'NO_SUCH_' },
  { call: 'errorAnswer', codeAt: 1, kind: 'answer' },
  { call: 'laterAnswer', codeAt: 1, kind: 'answer' },
  { call: 'refuse', codeAt: 1, kind: 'answer' },
]

/** Files that hand on a code which they got, or make it from a table of their own; each was looked at. */
const PASS_ON = new Set([
  'cli/redacted-operations.ts',
  'clients/http.ts',
  // What the transport says of the token server.
  'clients/oauth2.ts',
  'clients/postgres/errors.ts',
  'clients/stripe/errors.ts',
  'clients/twenty/errors.ts',
  'connectors/webhook/events.ts',
  'connectors/webhook/unreadable.ts',
  'embedded/group-commit.ts',
  'embedded/sqlite-error.ts',
  'errors.ts',
  'json.ts',
  'log/kafka/wire.ts',
  'runtime/no-such.ts',
  'server/answer.ts',
  'server/app.ts',
  'server/control.ts',
  // What began is told with what ended it.
  'sinks/stripe/invoice.ts',
  'sinks/twenty/link-writer.ts',
  'sinks/twenty/peer-writer.ts',
])

/** Codes that stand in a table or a property, not in a call. */
const ELSEWHERE: readonly [RegExp, string?][] = [
  [/\bcode: '([A-Z][A-Z_]+)'/g],
  [/\?\? '([A-Z][A-Z_]+)'/g],
  [/unavailable: '([A-Z][A-Z_]+)'/g, 'retryable'],
  // clients/http.ts: by status, by kind.
  [/^ {2}\d{3}: '([A-Z][A-Z_]+)'/gm],
  [/^ {2}(?:fatal|retryable|rejected): '([A-Z][A-Z_]+)'/gm],
  [/return '([A-Z]+(?:_[A-Z]+)+)'/g],
  // server/app.ts: as HTTP calls the status.
  [/\[\d{3}, '([A-Z][A-Za-z ]+)'/g],
]

const sources = readdirSync(SRC, { recursive: true })
  .map(String)
  .filter(file => file.endsWith('.ts') && !file.startsWith('error-codes'))
  .map(file => ({ file, text: withoutComments(readFileSync(join(SRC, file), 'utf8')) }))

describe('error codes', () => {
  it('lists every code that is thrown, with its kind', () => {
    const unlisted = uses().filter(({ code }) => !Object.hasOwn(ERROR_CODES, code))
    expect(unlisted).toEqual([])
    const wrongKind = uses().filter(
      ({ code, kind }) => kind !== undefined && !(ERROR_CODES[code]!.kinds as string[]).includes(kind),
    )
    expect(wrongKind).toEqual([])
  })

  it('lists no code that nobody throws, and no kind that it never has', () => {
    const found = uses()
    const spoken = new Set(found.map(({ code }) => code))
    expect(Object.keys(ERROR_CODES).filter(code => !spoken.has(code))).toEqual([])
    // Where the kind follows from a status, the calls do not show it.
    const byTable = /^clients\/|^cli\//
    const known = Object.entries(ERROR_CODES).flatMap(([code, { kinds }]) => {
      const own = found.filter(use => use.code === code)
      if (own.some(({ kind, place }) => kind === undefined && byTable.test(place))) return []
      const seen = new Set(own.map(({ kind }) => kind ?? 'state'))
      return kinds.filter(kind => !seen.has(kind)).map(kind => `${code}: ${kind}`)
    })
    expect(known).toEqual([])
  })

  it('knows every file that makes a code from something else than a literal', () => {
    const computed = sources.flatMap(({ file, text }) =>
      HELPERS.flatMap(({ call, codeAt }) =>
        calls(text, call).filter(({ args }) => args.length > codeAt && literals(args[codeAt]!).length === 0),
      ).map(() => file),
    )
    expect([...new Set(computed)].sort()).toEqual([...PASS_ON].sort())
  })

  it('has each code in one group', () => {
    const all = CODE_GROUPS.flatMap(({ codes }) => Object.keys(codes))
    expect(all).toHaveLength(Object.keys(ERROR_CODES).length)
  })

  it('is what docs/errors.md says', () => {
    const { file, content } = errorsPage()
    expect(readFileSync(join(SRC, '..', file), 'utf8')).toBe(content)
  })
})

function uses(): Use[] {
  return sources.flatMap(({ file, text }) => [...inCalls(file, text), ...elsewhere(file, text)])
}

function inCalls(file: string, text: string): Use[] {
  return HELPERS.flatMap(({ call, codeAt, kind, kindAt, spells = '' }) =>
    calls(text, call).flatMap(({ args, line }) => {
      const kinds = kindAt === undefined ? [kind] : literals(args[kindAt] ?? '', /'([a-z]+)'/g)
      return literals(args[codeAt] ?? '').flatMap(code =>
        (kinds.length > 0 ? kinds : [undefined]).map(each => ({
          code: spells + code,
          kind: each,
          place: `${file}:${line}`,
        })),
      )
    }),
  )
}

function elsewhere(file: string, text: string): Use[] {
  const isTable =
    /^(?:clients\/(?:http|postgres)|server\/app|cli\/|runtime\/|server\/defect|embedded\/|state\/|log\/)/.test(file)
  if (!isTable) return []
  return ELSEWHERE.flatMap(([pattern, kind]) =>
    [...text.matchAll(pattern)].map(match => ({
      code: match[1]!.toUpperCase().replaceAll(' ', '_'),
      kind: kind ?? (file.startsWith('server/') ? 'answer' : undefined),
      place: `${file}:${lineAt(text, match.index)}`,
    })),
  )
}

function literals(argument: string, pattern = /'([A-Z][A-Z_]+)'/g): string[] {
  return [...argument.matchAll(pattern)].map(match => match[1]!)
}

/** Every call of a function, with its arguments as text. */
function calls(text: string, name: string): { args: string[]; line: number }[] {
  const pattern = new RegExp(`(?<![\\w.#])(?<!function )${name}\\(`, 'g')
  return [...text.matchAll(pattern)].map(match => ({
    args: argumentsAt(text, match.index + match[0].length),
    line: lineAt(text, match.index),
  }))
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** Cuts at the commas of the outermost level, up to the closing parenthesis. */
function argumentsAt(text: string, from: number): string[] {
  const found: string[] = []
  let depth = 0
  let start = from
  let quote = ''
  for (let at = from; at < text.length; at++) {
    const letter = text[at]!
    if (quote !== '') {
      if (letter === '\\') at++
      else if (letter === quote) quote = ''
      continue
    }
    if (`'"\``.includes(letter)) quote = letter
    else if ('([{'.includes(letter)) depth++
    else if (')]}'.includes(letter) && depth-- === 0) return [...found, text.slice(start, at).trim()]
    else if (letter === ',' && depth === 0) {
      found.push(text.slice(start, at).trim())
      start = at + 1
    }
  }
  return found
}

function withoutComments(text: string): string {
  return text.replace(/^\s*(?:\/\*\*[\s\S]*?\*\/|\/\/.*)$/gm, match => match.replace(/[^\n]/g, ''))
}
