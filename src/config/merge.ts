import isEqual from 'lodash/isEqual.js'
import type { ConfigPath } from './config.ts'
import { found, keyPlaceOf, type MapNode, type Node, plainOf } from './node.ts'
import type { Problems } from './problems.ts'

const NAMED: Readonly<Record<string, string>> = {
  systems: 'system',
  connectors: 'connector',
  flows: 'flow',
  syncs: 'sync',
}

/** One config out of several documents. What two of them define is a problem that names both places. */
export function mergeDocuments(documents: readonly Node[], file: string, problems: Problems): MapNode {
  const sections = new Map<string, Node>()
  for (const document of documents) {
    if (document.kind !== 'map') {
      const isEmpty = document.kind === 'scalar' && document.value === null
      if (!isEmpty)
        problems.add(document.place, [], 'type', `a config is a map with keys like \`flows\`, not ${found(document)}`)
      continue
    }
    for (const [key, node] of document.entries) {
      // A section with nothing under it, as a commented-out one leaves it behind.
      if (node.kind === 'scalar' && node.value === null && !node.unresolved) continue
      const earlier = sections.get(key)
      sections.set(key, earlier ? merged(earlier, node, [key], problems) : node)
    }
  }
  return { kind: 'map', place: documents[0]?.place ?? { file, line: 1, column: 1 }, entries: sections }
}

function merged(earlier: Node, later: Node, path: ConfigPath, problems: Problems): Node {
  if (earlier.kind !== 'map' || later.kind !== 'map') return twice(earlier, later, path, problems)
  const isNamed = String(path[0]) in NAMED
  const mayRepeat = path[0] === 'systems' || path[0] === 'connectors'
  const entries = new Map(earlier.entries)
  for (const [key, node] of later.entries) {
    const known = entries.get(key)
    const at = [...path, key]
    // A flow is defined in one place; settings of `log` may be spread.
    if (known && mayRepeat) entries.set(key, joined(known, node, at, problems))
    else if (known) entries.set(key, isNamed ? twice(known, node, at, problems) : merged(known, node, at, problems))
    else entries.set(key, node)
  }
  return { ...earlier, entries }
}

/**
 * Files that each run on their own name the systems and connectors that they share; together they are one config. What one
 * of them leaves out another one may say, and none may say otherwise.
 */
function joined(earlier: Node, later: Node, path: ConfigPath, problems: Problems): Node {
  if (saysTheSame(earlier, later)) return earlier
  if (earlier.kind !== 'map' || later.kind !== 'map') return twice(earlier, later, path, problems)
  const entries = new Map(earlier.entries)
  for (const [key, node] of later.entries) {
    const known = entries.get(key)
    entries.set(key, known ? joined(known, node, [...path, key], problems) : node)
  }
  return { ...earlier, entries }
}

/** As written, references unresolved. */
function saysTheSame(one: Node, other: Node): boolean {
  return isEqual(
    plainOf(one, node => node.source),
    plainOf(other, node => node.source),
  )
}

function twice(earlier: Node, later: Node, path: ConfigPath, problems: Problems): Node {
  const { file, line, column } = keyPlaceOf(earlier)
  const message = `${nameOf(path)} is also defined at ${file}:${line}:${column}`
  problems.add(keyPlaceOf(later), path, 'duplicate-name', message)
  return earlier
}

function nameOf(path: ConfigPath): string {
  const kind = path.length === 2 ? NAMED[String(path[0])] : undefined
  return kind ? `${kind} "${path[1]}"` : `\`${path.join('.')}\``
}
