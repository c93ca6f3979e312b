import { badRequest } from '../errors.ts'
import { type Token, tokens } from './lexer.ts'

export interface Operation {
  readonly type: 'query' | 'mutation'
  readonly name: string | undefined
  /** Default values of variables, by name. */
  readonly defaults: ReadonlyMap<string, Value>
  readonly selections: readonly Selection[]
}

export type Selection =
  | { readonly kind: 'field'; readonly field: FieldNode; readonly directives: readonly Directive[] }
  | { readonly kind: 'spread'; readonly name: string; readonly directives: readonly Directive[] }
  | { readonly kind: 'inline'; readonly selections: readonly Selection[]; readonly directives: readonly Directive[] }

export interface FieldNode {
  readonly name: string
  /** The key in the answer. */
  readonly alias: string
  readonly args: ReadonlyMap<string, Value>
  readonly selections: readonly Selection[] | undefined
}

interface Directive {
  readonly name: string
  readonly args: ReadonlyMap<string, Value>
}

export type Value =
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'plain'; readonly value: unknown }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Value> }

export interface Document {
  readonly operations: readonly Operation[]
  readonly fragments: ReadonlyMap<string, readonly Selection[]>
}

/** @throws TwentyError 400 with the place of the first error. */
export function parseGraphql(text: string): Document {
  return new Parser(tokens(text)).document()
}

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(all: readonly Token[]) {
    this.#tokens = all
  }

  document(): Document {
    const operations: Operation[] = []
    const fragments = new Map<string, readonly Selection[]>()
    while (this.#next.kind !== 'end') {
      if (this.#next.text === 'fragment') {
        this.#at++
        const name = this.#name()
        this.#expect('on')
        this.#name()
        this.#directives()
        fragments.set(name, this.#selectionSet())
      } else operations.push(this.#operation())
    }
    if (operations.length === 0) throw this.#unexpected()
    return { operations, fragments }
  }

  #operation(): Operation {
    if (this.#next.text === '{')
      return { type: 'query', name: undefined, defaults: new Map(), selections: this.#selectionSet() }
    const type = this.#name()
    if (type !== 'query' && type !== 'mutation') throw badRequest(`Syntax Error: Unexpected Name "${type}".`)
    const name = this.#next.kind === 'name' ? this.#name() : undefined
    const defaults = this.#variableDefaults()
    this.#directives()
    return { type, name, defaults, selections: this.#selectionSet() }
  }

  #variableDefaults(): Map<string, Value> {
    const defaults = new Map<string, Value>()
    if (!this.#skip('(')) return defaults
    while (!this.#skip(')')) {
      this.#expect('$')
      const name = this.#name()
      this.#expect(':')
      this.#type()
      if (this.#skip('=')) defaults.set(name, this.#value())
      this.#directives()
    }
    return defaults
  }

  /** Types are read over: values are checked where they are used. */
  #type(): void {
    if (this.#skip('[')) {
      this.#type()
      this.#expect(']')
    } else this.#name()
    this.#skip('!')
  }

  #selectionSet(): Selection[] {
    this.#expect('{')
    const selections: Selection[] = []
    while (!this.#skip('}')) selections.push(this.#selection())
    if (selections.length === 0) throw this.#unexpected()
    return selections
  }

  #selection(): Selection {
    if (!this.#skip('...')) {
      const first = this.#name()
      const name = this.#skip(':') ? this.#name() : first
      const args = this.#arguments()
      const directives = this.#directives()
      const selections = this.#next.text === '{' && this.#next.kind === 'punctuator' ? this.#selectionSet() : undefined
      return { kind: 'field', field: { name, alias: first, args, selections }, directives }
    }
    if (this.#next.kind === 'name' && this.#next.text !== 'on')
      return { kind: 'spread', name: this.#name(), directives: this.#directives() }
    if (this.#next.text === 'on') {
      this.#at++
      this.#name()
    }
    return { kind: 'inline', directives: this.#directives(), selections: this.#selectionSet() }
  }

  #directives(): Directive[] {
    const directives: Directive[] = []
    while (this.#skip('@')) directives.push({ name: this.#name(), args: this.#arguments() })
    return directives
  }

  #arguments(): Map<string, Value> {
    return this.#skip('(') ? this.#fields(')') : new Map()
  }

  #fields(end: ')' | '}'): Map<string, Value> {
    const fields = new Map<string, Value>()
    while (!this.#skip(end)) {
      const name = this.#name()
      this.#expect(':')
      fields.set(name, this.#value())
    }
    return fields
  }

  #value(): Value {
    const token = this.#next
    if (token.kind === 'punctuator') {
      if (this.#skip('$')) return { kind: 'variable', name: this.#name() }
      if (this.#skip('{')) return { kind: 'object', fields: this.#fields('}') }
      this.#expect('[')
      const items: Value[] = []
      while (!this.#skip(']')) items.push(this.#value())
      return { kind: 'list', items }
    }
    if (token.kind === 'end') throw this.#unexpected()
    this.#at++
    return { kind: 'plain', value: plain(token) }
  }

  get #next(): Token {
    return this.#tokens[this.#at]!
  }

  #skip(punctuator: string): boolean {
    if (this.#next.kind !== 'punctuator' || this.#next.text !== punctuator) return false
    this.#at++
    return true
  }

  #expect(text: string): void {
    if (this.#next.kind === 'string' || this.#next.text !== text) throw this.#unexpected(text)
    this.#at++
  }

  #name(): string {
    if (this.#next.kind !== 'name') throw this.#unexpected('Name')
    return this.#tokens[this.#at++]!.text
  }

  #unexpected(wanted?: string) {
    const { kind, text, at } = this.#next
    const found = kind === 'end' ? '<EOF>' : `"${text}"`
    return badRequest(`Syntax Error: ${wanted ? `Expected ${wanted}, found` : 'Unexpected'} ${found} at ${at}.`)
  }
}

/** Enum values are their names. */
function plain(token: Token): unknown {
  if (token.kind === 'int' || token.kind === 'float') return Number(token.text)
  if (token.kind === 'string') return token.text
  if (token.text === 'true' || token.text === 'false') return token.text === 'true'
  return token.text === 'null' ? null : token.text
}
