import type { Node } from '../config/node.ts'

/** Parts of a request that hold nothing but texts. */
const TEXTS = new Set(['query', 'form', 'headers'])

/** What a case says of requests: a parameter may be written as the number that it stands for. */
export function asTexts(requests: Node): Node {
  if (requests.kind === 'list') return { ...requests, items: requests.items.map(asTexts) }
  return mapped(requests, (key, node) => (key === '$includes' ? asTexts(node) : TEXTS.has(key) ? inTexts(node) : node))
}

function inTexts(node: Node): Node {
  if (node.kind === 'list') return { ...node, items: node.items.map(inTexts) }
  if (node.kind === 'map') return mapped(node, (key, value) => (key.startsWith('$') ? value : inTexts(value)))
  if (typeof node.value === 'string' || node.value === null) return node
  return { ...node, value: node.references.length > 0 ? String(node.value) : node.source }
}

function mapped(node: Node, change: (key: string, value: Node) => Node): Node {
  if (node.kind !== 'map') return node
  return { ...node, entries: new Map([...node.entries].map(([key, value]) => [key, change(key, value)])) }
}
