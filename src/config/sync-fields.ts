import type { Fields } from '../event.ts'
import type { ConfigPath, SideName, SyncFieldConfig, SyncPolicy, SyncSideConfig } from './config.ts'
import type { LoadContext } from './load-context.ts'
import { keyPlaceOf, type Node, quoted } from './node.ts'
import { writesOf } from './sync-uses.ts'

const SIDES: readonly SideName[] = ['left', 'right']

/** A field with where it was written. */
interface Written {
  readonly field: SyncFieldConfig
  readonly node: Node
  readonly path: ConfigPath
}

/** The fields of a sync, their schema checked. */
export function readFields(list: unknown, node: Node | undefined, path: ConfigPath, load: LoadContext): Written[] {
  if (node?.kind !== 'list' || !Array.isArray(list)) return []
  return node.items.flatMap((item, at) => {
    const config: unknown = list[at]
    if (item.kind !== 'map' || typeof config !== 'object' || config === null) return []
    const given = config as Fields
    // What is missing was said; nothing can be said of a field without its places.
    const { left, right } = given
    if (typeof left !== 'string' || typeof right !== 'string') return []
    const written = { field: fieldOf(left, right, given), node: item, path: [...path, at] }
    checkWays(written, load)
    checkPairs(written, load)
    return [written]
  })
}

function fieldOf(left: string, right: string, config: Fields): SyncFieldConfig {
  const { name, direction, policy, tie, values, toLeft, toRight, normalise } = config
  return {
    name: typeof name === 'string' ? name : left,
    left,
    right,
    direction: direction === 'to-left' || direction === 'to-right' ? direction : 'both',
    policy: policyOf(policy),
    tie: tieOf(tie),
    ...(values !== undefined && { values: pairsOf(values) }),
    ...(typeof toLeft === 'string' && { toLeft }),
    ...(typeof toRight === 'string' && { toRight }),
    ...(typeof normalise === 'string' && { normalise: normalise as SyncFieldConfig['normalise'] }),
  }
}

function policyOf(policy: unknown): SyncPolicy {
  return policy === 'latest' ? { kind: 'latest' } : tieOf(policy)
}

function tieOf(policy: unknown): SyncFieldConfig['tie'] {
  if (policy === 'union') return { kind: 'union' }
  if (typeof policy !== 'object' || policy === null) return { kind: 'ask' }
  const [kind, side] = Object.entries(policy)[0] ?? []
  if ((kind !== 'prefer' && kind !== 'prefer-unless-blank') || (side !== 'left' && side !== 'right')) {
    return { kind: 'ask' }
  }
  return { kind, side }
}

function pairsOf(values: unknown): (readonly [left: unknown, right: unknown])[] {
  if (Array.isArray(values)) return values.map(pair => [pair?.left ?? null, pair?.right ?? null])
  return typeof values === 'object' && values !== null ? Object.entries(values) : []
}

/** Each side that receives needs a way to its value, and one way only. */
function checkWays({ field, node, path }: Written, { problems }: LoadContext): void {
  const entries = node.kind === 'map' ? node.entries : new Map<string, Node>()
  const { direction, values, toLeft, toRight } = field
  for (const [key, other, side] of [
    ['toLeft', toRight, 'left'],
    ['toRight', toLeft, 'right'],
  ] as const) {
    const given = entries.get(key)
    const receives = direction === 'both' || direction === `to-${side}`
    if (given && values) {
      const message = `\`values\` says already what the ${side} side gets`
      problems.add(keyPlaceOf(given), [...path, key], 'ambiguous', message, 'either of them')
    } else if (given && !receives) {
      const message = `the ${side} side does not receive this field: its direction is ${direction}`
      problems.add(keyPlaceOf(given), [...path, key], 'no-effect', message, 'direction: both')
    } else if (!given && direction === 'both' && other !== undefined && !values) {
      const back = key === 'toLeft' ? 'toRight' : 'toLeft'
      const message = `\`${key}\` is missing: \`${back}\` leads one way, and both sides receive`
      const suggestion = `the way back, or direction: ${key === 'toLeft' ? 'to-right' : 'to-left'}`
      problems.add(keyPlaceOf(node), [...path, key], 'missing', message, suggestion)
    }
  }
}

/** Two values of one side that become one could not be told apart on the way back. */
function checkPairs({ field, node, path }: Written, { problems }: LoadContext): void {
  const list = node.kind === 'map' ? node.entries.get('values') : undefined
  if (!list || list.kind === 'scalar') return
  const nodes: (Node | undefined)[] = list.kind === 'map' ? [...list.entries.values()] : [...list.items]
  const keys = list.kind === 'map' ? [...list.entries.keys()] : list.items.map((_, at) => at)
  for (const [column, side] of SIDES.entries()) {
    const seen = new Map<string, number>()
    for (const [at, pair] of (field.values ?? []).entries()) {
      const value = JSON.stringify(pair[column])
      const first = seen.get(value)
      if (first === undefined) seen.set(value, at)
      else {
        const pairNode = nodes[at]
        const given = pairNode?.kind === 'map' ? pairNode.entries.get(side) : pairNode
        const shown = given ? quoted(given) : value
        const fault = side === 'left' ? `${shown} is listed already` : `two values become ${shown}`
        const message = `${fault}: \`values\` must be one to one`
        problems.add((given ?? list).place, [...path, 'values', keys[at]!], 'not-one-to-one', message, 'another value')
      }
    }
  }
}

/** What a side has at a path, and who says so. */
interface Place {
  readonly at: string
  readonly writes: boolean
  readonly said: string
  readonly node: Node
  readonly path: ConfigPath
}

/** No two fields of one name; none that writes where another one reads or writes. */
export function checkTogether(
  fields: readonly Written[],
  sides: Readonly<Record<SideName, SyncSideConfig>>,
  sync: Node,
  path: ConfigPath,
  load: LoadContext,
): void {
  checkNames(fields, load)
  for (const side of SIDES) {
    const places: Place[] = fields.map(({ field, node, path }) => ({
      at: field[side],
      writes: writesOf(field, side),
      said: `the field ${nameOf(node)}`,
      node: (node.kind === 'map' && node.entries.get(side)) || node,
      path: [...path, side],
    }))
    const sideNode = sync.kind === 'map' ? sync.entries.get(side) : undefined
    for (const key of ['stateField', 'syncedAtField'] as const) {
      const at = sides[side][key]
      const node = sideNode?.kind === 'map' ? sideNode.entries.get(key) : undefined
      if (at !== undefined && node) places.push({ at, writes: true, said: key, node, path: [...path, side, key] })
    }
    checkPlaces(places, side, load)
  }
}

function checkNames(fields: readonly Written[], { problems }: LoadContext): void {
  const names = new Set<string>()
  for (const { field, node, path } of fields) {
    if (names.has(field.name)) {
      const given = node.kind === 'map' ? node.entries.get('name') : undefined
      const message = `another field of this sync is called ${nameOf(node)}`
      problems.add(keyPlaceOf(given ?? node), [...path, 'name'], 'duplicate-name', message, 'name: another one')
    }
    names.add(field.name)
  }
}

function checkPlaces(places: readonly Place[], side: SideName, { problems }: LoadContext): void {
  for (const [at, place] of places.entries()) {
    const other = places.slice(0, at).find(each => (each.writes || place.writes) && overlap(each.at, place.at))
    if (!other) continue
    const which = other.at === place.at ? '' : `, which has ${quoted(other.node)}`
    const message = `${quoted(place.node)} of the ${side} side belongs to ${other.said} already${which}`
    problems.add(place.node.place, place.path, 'duplicate-path', message, 'another field, or none')
  }
}

/** P9: as it is written, where it came by reference. */
function nameOf(field: Node): string {
  const node = field.kind === 'map' ? (field.entries.get('name') ?? field.entries.get('left')) : undefined
  return quoted(node ?? field)
}

/** The same, or one within the other. */
function overlap(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}.`) || other.startsWith(`${one}.`)
}
