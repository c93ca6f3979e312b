import { ANY, type Path, type Read, type Reads } from '../shape.ts'
import { dialect } from './dialect.ts'
import { asNode, type BoundNames, type LoopParts, type Node, walk } from './node.ts'

/** @param source an expression that compiles. */
export function readsOf(source: string): Reads {
  const reads: Read[] = []
  const mayLack: Path[] = []
  walk(rootOf(source), (node, bound) => {
    mayLack.push(...askedBy(node, bound))
    const member = memberOf(node)
    const way = member?.name != null && wayTo(node, bound)
    if (!way) return
    if (way.isOptional) mayLack.push(way.path)
    else
      reads.push({
        path: way.path,
        offset: member!.offset,
        text: textOf(source, node),
        before: textOf(source, member!.of),
      })
  })
  return { reads, mayLack }
}

/** Of an expression that is a path and nothing else. */
export function pathOf(source: string): Path | undefined {
  return wayTo(rootOf(source), new Map())?.path
}

function rootOf(source: string): Node {
  return asNode(dialect.parse(source).ast)
}

function textOf(source: string, { start, end }: Node): string {
  return source.slice(start, end).replaceAll(/\s+/g, '')
}

function askedBy(node: Node, bound: BoundNames): Path[] {
  const { op, args } = node
  if (op === 'call') {
    const [name, [asked]] = args as [string, readonly Node[]]
    return name === 'has' ? pathsTo(asked, bound) : []
  }
  if (op === 'in') {
    const [key, holder] = args as [Node, Node]
    return pathsTo(holder, bound, nameIn(key) ?? ANY)
  }
  return op === 'comprehension' ? pathsTo((args as LoopParts).iterable, bound, ANY) : []
}

function pathsTo(node: Node | undefined, bound: BoundNames, ...further: string[]): Path[] {
  const way = node && wayTo(node, bound)
  return way ? [[...way.path, ...further]] : []
}

interface Way {
  readonly path: Path
  /** Something on it may be absent. */
  readonly isOptional: boolean
}

/** undefined where the node is no path: what a call gives, for example. */
function wayTo(node: Node, bound: BoundNames): Way | undefined {
  if (node.op === 'id') return wayToName(String(node.args), bound)
  const member = memberOf(node)
  const way = member && wayTo(member.of, bound)
  return way && { path: [...way.path, member.name], isOptional: way.isOptional || member.isOptional }
}

function wayToName(name: string, bound: BoundNames): Way | undefined {
  const value = bound.get(name)
  if (!value) return { path: [name], isOptional: false }
  const way = wayTo(value.node, value.names)
  return way && value.isItem ? { ...way, path: [...way.path, null] } : way
}

interface Member {
  readonly of: Node
  /** null: what is in the brackets is no text. */
  readonly name: string | null
  readonly offset: number
  readonly isOptional: boolean
}

function memberOf({ op, args, end }: Node): Member | undefined {
  if (op === '.' || op === '.?') {
    const [of, name] = args as [Node, string]
    return { of, name, offset: end - name.length, isOptional: op === '.?' }
  }
  if (op !== '[]' && op !== '[?]') return undefined
  const [of, key] = args as [Node, Node]
  return { of, name: nameIn(key) ?? null, offset: key.start, isOptional: op === '[?]' }
}

function nameIn({ op, args }: Node): string | undefined {
  return op === 'value' && typeof args === 'string' ? args : undefined
}
