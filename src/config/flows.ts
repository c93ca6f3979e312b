import type { Fields } from '../event.ts'
import { nearest } from '../nearest.ts'
import { checkValue } from './check-value.ts'
import { readCollect } from './collect.ts'
import { type DeclaredSystem, namedEntries } from './components.ts'
import type { ConfigPath, ConnectorConfig, FlowConfig, FlowSource } from './config.ts'
import { durationIn, type Registry } from './definition.ts'
import { FlowSchema } from './flow-schema.ts'
import type { LoadContext } from './load-context.ts'
import { keyPlaceOf, type MapNode, type Node, quoted } from './node.ts'
import { viewOf } from './schema-view.ts'
import { type KnownSources, readSource } from './source-name.ts'
import { StepNames } from './step-names.ts'
import { readSteps } from './steps.ts'

const DAY_MS = 86_400_000
/** How long it is known what was done, unless a flow says otherwise or the log keeps its events longer. */
export const REMEMBER_MS = 35 * DAY_MS

export interface FlowsContext extends Omit<KnownSources, 'flowNames'> {
  readonly load: LoadContext
  readonly registry: Registry
  readonly systems: ReadonlyMap<string, DeclaredSystem>
  readonly connectors: ReadonlyMap<string, Omit<ConnectorConfig, 'objects'>>
  readonly retentionMs: number
}

type FlowContext = FlowsContext & KnownSources

export function readFlows(root: MapNode, context: FlowsContext): Map<string, FlowConfig> {
  const flows = new Map<string, FlowConfig>()
  const identities = new Map<string, Node>()
  const entries = [...namedEntries(root, 'flows', context.load)]
  const flowNames = new Set(entries.map(([name]) => name))
  for (const [name, node] of entries) {
    const flow = readFlow(name, node, { ...context, flowNames })
    flows.set(name, flow)
    checkIdentity(flow, node, identities, root, context.load)
  }
  checkCircles(flows, new Map(entries), context.load)
  return flows
}

/** A flow that fails on its own failures would never come to an end. */
function checkCircles(
  flows: ReadonlyMap<string, FlowConfig>,
  nodes: ReadonlyMap<string, MapNode>,
  { problems }: LoadContext,
): void {
  const read = (name: string) =>
    flows.get(name)?.from.flatMap(source => ('deadLettersOf' in source ? [source.deadLettersOf] : [])) ?? []
  const wayBack = (to: string, way: readonly string[]): readonly string[] | undefined => {
    for (const next of read(way.at(-1)!)) {
      if (next === to) return [...way, to]
      const found = way.includes(next) ? undefined : wayBack(to, [...way, next])
      if (found) return found
    }
    return undefined
  }
  for (const name of flows.keys()) {
    const way = wayBack(name, [name])
    if (!way) continue
    const node = nodes.get(name)!
    const message =
      way.length === 2
        ? 'a flow cannot read its own dead letters: one that it fails on would come back for ever'
        : `these flows read each other's dead letters in a circle: ${way.join(' reads ')}`
    problems.add(keyPlaceOf(node.entries.get('from') ?? node), ['flows', name, 'from'], 'circle', message)
  }
}

function readFlow(name: string, node: MapNode, context: FlowContext): FlowConfig {
  const { load, registry, systems } = context
  const path = ['flows', name]
  const config = checkValue(viewOf(FlowSchema), node, path, { load, names: new StepNames().visible! }) as Fields
  const steps = node.entries.get('steps')
  const from = sourcesOf(node, path, context)
  const sources = from.flatMap(source =>
    'connector' in source ? (context.connectors.get(source.connector)?.definition.type ?? []) : [],
  )
  const collect = readCollect(node.entries.get('collect'), config.collect, [...path, 'collect'], load)
  return {
    name,
    ...(collect && { collect }),
    ...(typeof config.formerly === 'string' && { formerly: config.formerly }),
    from,
    start: startOf(node.entries.get('start'), config.start, [...path, 'start'], load),
    // What is no number was said to be none, and this flow never runs.
    concurrency: typeof config.concurrency === 'number' ? config.concurrency : 1,
    rememberMs: rememberOf(node.entries.get('remember'), config.remember, [...path, 'remember'], context),
    steps: steps
      ? readSteps(steps, [...path, 'steps'], new StepNames(), { load, registry, systems, sources, ids: new Map() })
      : [],
  }
}

/** Two flows that share a group would take each other's events. */
function checkIdentity(
  { name, formerly }: FlowConfig,
  node: MapNode,
  identities: Map<string, Node>,
  root: MapNode,
  { problems }: LoadContext,
): void {
  const place = keyPlaceOf(node.entries.get('formerly') ?? node)
  const path = ['flows', name, 'formerly']
  const flows = root.entries.get('flows')
  const identity = formerly ?? name
  if (formerly !== undefined && formerly !== name && flows?.kind === 'map' && flows.entries.has(formerly)) {
    problems.add(place, path, 'duplicate-name', `there is a flow of this name, so this one was not called that before`)
    return
  }
  if (identities.has(identity)) {
    problems.add(place, path, 'duplicate-name', 'another flow was called that before, too')
  }
  identities.set(identity, node)
}

function sourcesOf(node: MapNode, path: ConfigPath, context: FlowContext): FlowSource[] {
  const from = node.entries.get('from')
  const items =
    from?.kind === 'list'
      ? from.items.map((item, at) => ({ item, at: [...path, 'from', at] }))
      : from
        ? [{ item: from, at: [...path, 'from'] }]
        : []
  const seen = new Set<string>()
  return items.flatMap(({ item, at }) => {
    if (item.kind !== 'scalar' || typeof item.value !== 'string' || item.unresolved) return []
    const source = readSource(item, at, context)
    if (!source) return []
    const text = JSON.stringify(source)
    if (seen.has(text)) context.load.problems.add(item.place, at, 'duplicate-name', `${item.source} is listed already`)
    seen.add(text)
    return [source]
  })
}

const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/

function startOf(
  node: Node | undefined,
  start: unknown,
  path: ConfigPath,
  { problems }: LoadContext,
): FlowConfig['start'] {
  if (start === 'now' || start === 'earliest') return start
  const time = typeof start === 'string' && TIME.test(start) ? Date.parse(start) : Number.NaN
  if (!Number.isNaN(time)) return { time }
  if (node?.kind === 'scalar' && typeof node.value === 'string' && !node.unresolved) {
    const suggestion = nearest(node.value, ['now', 'earliest']) ?? 'now, earliest, or a time like 2026-01-31T00:00:00Z'
    problems.add(node.place, path, 'enum', `${quoted(node)} is not a place to start`, suggestion)
  }
  return 'now'
}

/** P3: while an event can be read again, it must be known what was done with it. */
function rememberOf(
  node: Node | undefined,
  remember: unknown,
  path: ConfigPath,
  { load, retentionMs }: FlowsContext,
): number {
  const ms = durationIn(remember)
  if (ms === undefined) return Math.max(REMEMBER_MS, retentionMs)
  if (ms < retentionMs && node) {
    const kept = `${Math.ceil(retentionMs / DAY_MS)}d`
    const message = `the log keeps events for ${kept}, and what was done with them would be forgotten before`
    load.problems.add(node.place, path, 'remember', message, kept)
  }
  return ms
}
