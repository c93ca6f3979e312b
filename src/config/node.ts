/** The config as a tree in which every value knows where it was written. */

export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly column: number
}

interface Written {
  readonly place: Place
  /** Where its key is written, when it is the value of a map. */
  readonly keyPlace?: Place
}

export interface ScalarNode extends Written {
  readonly kind: 'scalar'
  /** References resolved. */
  readonly value: string | number | boolean | null
  /** As written, references and all: what messages and the hash may show. */
  readonly source: string
  /** Values that came by reference; empty for what is written out. */
  readonly references: readonly string[]
  /** It is one reference and nothing else, so its text may stand for a number or a boolean. */
  readonly whole: boolean
  /** A reference could not be resolved. That was reported; nothing else is said about this value. */
  readonly unresolved: boolean
  /** Place of a character of the value; absent where the text is not written letter by letter. */
  readonly locate?: (offset: number) => Place
}

export interface MapNode extends Written {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, Node>
}

export interface ListNode extends Written {
  readonly kind: 'list'
  readonly items: readonly Node[]
}

export type Node = ScalarNode | MapNode | ListNode

/** Where a key is at fault: the key itself, or the value that stands without one. */
export function keyPlaceOf(node: Node): Place {
  return node.keyPlace ?? node.place
}

/** The plain value. `scalar` may say how single values appear. */
export function plainOf(node: Node, scalar: (node: ScalarNode) => unknown = ({ value }) => value): unknown {
  if (node.kind === 'scalar') return scalar(node)
  if (node.kind === 'list') return node.items.map(item => plainOf(item, scalar))
  return Object.fromEntries([...node.entries].map(([key, value]) => [key, plainOf(value, scalar)]))
}

/** The same map with some of its entries only. */
export function mapWhere(node: MapNode, keep: (key: string) => boolean): MapNode {
  return { ...node, entries: new Map([...node.entries].filter(([key]) => keep(key))) }
}

/** The text of an entry, when it is there and is text. */
export function textAt(node: Node, key: string): string | undefined {
  const entry = node.kind === 'map' ? node.entries.get(key) : undefined
  return entry?.kind === 'scalar' && typeof entry.value === 'string' ? entry.value : undefined
}

/** A text in quotes; by reference, the reference: P9 holds for what stands in the wrong place, too. */
export function quoted(node: Node): string {
  if (node.kind !== 'scalar') return found(node)
  return node.references.length > 0 ? `\`${node.source}\`` : JSON.stringify(shortened(String(node.value)))
}

const SHOWN = 60

/** What a value is, for messages. Never what a reference stands for. */
export function found(node: Node): string {
  if (node.kind === 'map') return 'a map'
  if (node.kind === 'list') return 'a list'
  if (node.references.length > 0 || node.unresolved) return `\`${node.source}\``
  if (node.value === null) return 'nothing'
  if (typeof node.value === 'string') return `text ${JSON.stringify(shortened(node.value))}`
  return typeof node.value === 'number' ? `the number ${node.value}` : `${node.value}`
}

function shortened(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text
}
