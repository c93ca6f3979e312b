import { dirname } from 'node:path'
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  type ParsedNode,
  parseAllDocuments,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml'
import { isDangerousKey } from '../json.ts'
import type { ConfigPath } from './config.ts'
import { locator } from './locate.ts'
import type { Node, Place, ScalarNode } from './node.ts'
import type { Problems } from './problems.ts'
import { resolveReferences, type Variables } from './references.ts'

/** Aliases can name each other: a few lines of them would fill the memory. */
const MAX_NODES = 100_000
const TABS = 'tabs are not allowed for indentation; use spaces'
const TOO_MANY = 'the aliases of this file stand for too much'

export interface YamlFile {
  readonly file: string
  readonly text: string
}

/** The documents of a file as trees, references resolved. Empty with a syntax error: its rest would be guesswork. */
export function readYaml(source: YamlFile, variables: Variables, problems: Problems): Node[] {
  const lines = new LineCounter()
  const documents = parseAllDocuments(source.text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'silent',
  })
  if (!Array.isArray(documents)) return []
  const faults = documents
    .flatMap(document => [...document.errors, ...document.warnings])
    .sort((one, other) => one.pos[0] - other.pos[0])
  for (const fault of faults) {
    const { line, col } = lines.linePos(visible(source.text, fault.pos[0]))
    const tab = tabIndenting(source.text, line)
    // What the parser makes of the rest of the file is this one mistake again.
    if (tab) {
      problems.add({ file: source.file, line, column: tab }, [], 'syntax', TABS, 'two spaces for each level')
      break
    }
    problems.add(
      { file: source.file, line, column: Math.max(1, col) },
      [],
      'syntax',
      sentence(fault),
      hintFor(fault, source.text),
    )
    // One slip makes a parser stumble several times; what follows the first is guesswork.
    break
  }
  if (faults.length > 0) return []
  return documents.flatMap(document => {
    const reader = new Reader(source, lines, document, variables, problems)
    return document.contents ? [reader.read(document.contents as ParsedNode, [])] : []
  })
}

class Reader {
  readonly #source: YamlFile
  readonly #lines: LineCounter
  readonly #document: Document
  readonly #variables: Variables
  readonly #problems: Problems
  readonly #open = new Set<unknown>()
  #count = 0

  constructor(source: YamlFile, lines: LineCounter, document: Document, variables: Variables, problems: Problems) {
    this.#source = source
    this.#lines = lines
    this.#document = document
    this.#variables = variables
    this.#problems = problems
  }

  read(node: unknown, path: ConfigPath, keyPlace?: Place): Node {
    const written = { place: this.#placeOf(node, keyPlace), ...(keyPlace && { keyPlace }) }
    if (this.#open.has(node)) return this.#unusable(written, path, 'this alias stands for something that holds it')
    if (++this.#count > MAX_NODES) return this.#tooMany(written, path)
    if (isAlias(node)) return this.#aliased(node, written, path)
    if (isMap(node)) return { kind: 'map', ...written, entries: this.#inside(node, () => this.#entries(node, path)) }
    if (isSeq(node)) {
      const items = this.#inside(node, () => node.items.map((item, at) => this.read(item, [...path, at])))
      return { kind: 'list', ...written, items }
    }
    return this.#scalar(isScalar(node) ? node : undefined, written, path)
  }

  #aliased(alias: Alias, written: { place: Place; keyPlace?: Place }, path: ConfigPath): Node {
    const target = alias.resolve(this.#document)
    if (target) return { ...this.#inside(alias, () => this.read(target, path)), ...written }
    return this.#unusable(written, path, `\`*${alias.source}\` names nothing: no \`&${alias.source}\` stands before it`)
  }

  #inside<T>(node: unknown, work: () => T): T {
    this.#open.add(node)
    try {
      return work()
    } finally {
      this.#open.delete(node)
    }
  }

  #tooMany(written: { place: Place }, path: ConfigPath): ScalarNode {
    // Said once, not for each of the many.
    if (this.#count === MAX_NODES + 1) return this.#unusable(written, path, TOO_MANY)
    return unresolved(written)
  }

  #unusable(written: { place: Place }, path: ConfigPath, message: string): ScalarNode {
    this.#problems.add(written.place, path, 'syntax', message)
    return unresolved(written)
  }

  #entries(map: YAMLMap, path: ConfigPath): Map<string, Node> {
    const entries = new Map<string, Node>()
    const merged: Node[] = []
    for (const pair of map.items) {
      const place = this.#placeOf(pair.key)
      const key = this.#keyOf(pair, place, path)
      if (key === undefined) continue
      if (key === '<<') merged.push(this.read(pair.value, [...path, key], place))
      else this.#addEntry(entries, key, this.read(pair.value, [...path, key], place), path)
    }
    for (const node of merged) this.#merge(entries, node, path)
    return entries
  }

  #addEntry(entries: Map<string, Node>, key: string, value: Node, path: ConfigPath): void {
    const first = entries.get(key)
    if (!first) return void entries.set(key, value)
    const message = `\`${key}\` is written twice here; the first is in line ${first.keyPlace?.line}`
    this.#problems.add(value.keyPlace!, [...path, key], 'duplicate-key', message)
  }

  /** `<<: *defaults`: what the map itself does not say. */
  #merge(entries: Map<string, Node>, node: Node, path: ConfigPath): void {
    if (node.kind === 'list') for (const item of node.items) this.#merge(entries, item, path)
    else if (node.kind === 'map') {
      for (const [key, value] of node.entries) if (!entries.has(key)) entries.set(key, value)
    } else this.#problems.add(node.place, [...path, '<<'], 'type', '`<<` takes a map, or a list of maps')
  }

  #keyOf(pair: Pair, place: Place, path: ConfigPath): string | undefined {
    const key = isAlias(pair.key) ? pair.key.resolve(this.#document) : pair.key
    if (isScalar(key) && key.value !== null && typeof key.value !== 'object') {
      const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
      if (!isDangerousKey(name)) return name
      this.#problems.add(place, [...path, name], 'name', `\`${name}\` cannot be a key`)
    } else this.#problems.add(place, path, 'type', 'keys are plain text')
    return undefined
  }

  #scalar(node: Scalar | undefined, written: { place: Place; keyPlace?: Place }, path: ConfigPath): ScalarNode {
    const value = node?.value
    if (typeof value !== 'string') {
      const plain = typeof value === 'number' || typeof value === 'boolean' ? value : null
      const source = node?.source ?? ''
      return { kind: 'scalar', ...written, value: plain, source, references: [], whole: false, unresolved: false }
    }
    const { text, ...resolved } = resolveReferences(
      value,
      { variables: this.#variables, folder: dirname(this.#source.file) },
      (message, suggestion) => this.#problems.add(written.place, path, 'reference', message, suggestion),
    )
    const locate = text === value ? this.#locator(node!) : undefined
    return { kind: 'scalar', ...written, value: text, source: value, ...resolved, ...(locate && { locate }) }
  }

  /** Where the characters of the text stand; absent for keys without a value. */
  #locator(node: Scalar): ScalarNode['locate'] {
    const [start, end] = node.range ?? [0, 0]
    const locate = locator(this.#source.text.slice(start, end), node)
    return locate && (offset => this.#place(start + locate(offset)))
  }

  #placeOf(node: unknown, otherwise?: Place): Place {
    const range = (node as ParsedNode | null)?.range
    return range ? this.#place(range[0]) : (otherwise ?? { file: this.#source.file, line: 1, column: 1 })
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#source.file, line, column: col }
  }
}

/** What is wrong with an indentation is seen where it ends. */
function visible(text: string, offset: number): number {
  const blanks = /^[ \t]+(?=\S)/.exec(text.slice(offset, text.indexOf('\n', offset) >>> 0))
  return offset + (blanks?.[0].length ?? 0)
}

/** Column of the first tab that indents the line. */
function tabIndenting(text: string, line: number): number | undefined {
  return /^ *\t(?=\s*\S)/.exec(text.split('\n', line)[line - 1] ?? '')?.[0].length
}

function unresolved(written: { place: Place }): ScalarNode {
  return { kind: 'scalar', ...written, value: null, source: '', references: [], whole: false, unresolved: true }
}

function sentence({ message }: YAMLError): string {
  return `not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`
}

const SAME_COLUMN = 'keys of one map begin in the same column, and so do the dashes of one list'
const COLON = 'a text that holds ": " stands in quotes'
const HINTS: Readonly<Record<string, string>> = {
  BAD_INDENT: SAME_COLUMN,
  BLOCK_AS_IMPLICIT_KEY: `${SAME_COLUMN}; ${COLON}`,
  BLOCK_IN_FLOW: COLON,
  BAD_SCALAR_START: 'a text that begins with this character stands in quotes',
  TAG_RESOLVE_FAILED: 'an expression that begins with ! stands in quotes: "!data.done"',
}

function hintFor({ code, message, pos }: YAMLError, text: string): string | undefined {
  if (message.startsWith('Flow')) return undefined
  if (code !== 'UNEXPECTED_TOKEN') return HINTS[code]
  const before = text.slice(0, pos[0]).trimEnd()
  if (before.endsWith('$')) return '"${NAME}", in quotes, where { } are around it'
  if (/['"]$/.test(before))
    return `an expression that begins with a quote stands in quotes as a whole: "'Call ' + data.name"`
  return undefined
}
