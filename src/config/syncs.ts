import type { Fields } from '../event.ts'
import { checkValue } from './check-value.ts'
import { namedEntries } from './components.ts'
import type { ConfigPath, FlowConfig, MatchNormaliser, SyncConfig } from './config.ts'
import { durationIn } from './definition.ts'
import type { LoadContext } from './load-context.ts'
import { keyPlaceOf, type MapNode, type Node } from './node.ts'
import { viewOf } from './schema-view.ts'
import { checkTogether, readFields } from './sync-fields.ts'
import { SyncSchema } from './sync-schema.ts'
import { checkApart, readSide, type SidesContext, tasksOf } from './sync-sides.ts'

/** A complete comparison reads every record of both sides. */
const LEAST_RECONCILE_MS = 60_000

export interface SyncsContext extends SidesContext {
  readonly flows: ReadonlyMap<string, FlowConfig>
}

export function readSyncs(root: MapNode, context: SyncsContext): Map<string, SyncConfig> {
  const syncs = new Map<string, SyncConfig>()
  const identities = new Set<string>()
  for (const [name, node] of namedEntries(root, 'syncs', context.load)) {
    const sync = readSync(name, node, context)
    syncs.set(name, sync)
    checkIdentity(sync, node, identities, root, context)
  }
  return syncs
}

function readSync(name: string, node: MapNode, context: SyncsContext): SyncConfig {
  const { load } = context
  const path = ['syncs', name]
  const config = checkValue(viewOf(SyncSchema), node, path, { load }) as Fields
  const fields = readFields(config.fields, node.entries.get('fields'), [...path, 'fields'], load)
  const left = readSide('left', mapAt(config.left), node, path, context)
  const right = readSide('right', mapAt(config.right), node, path, context)
  const tasks = tasksOf(config.tasks, [left, right], node.entries.get('tasks'), path, context)
  const reconcileEveryMs = reconcileOf(config.reconcileEvery, node.entries.get('reconcileEvery'), path, load)
  const sync: SyncConfig = {
    name,
    ...(typeof config.formerly === 'string' && { formerly: config.formerly }),
    left,
    right,
    match: matchOf(config.match),
    fields: fields.map(({ field }) => field),
    skewToleranceMs: durationIn(config.skewTolerance) ?? 2000,
    guard: guardOf(mapAt(config.guard)),
    ...(tasks && { tasks }),
    ...(reconcileEveryMs !== undefined && { reconcileEveryMs }),
  }
  checkApart(sync, node, path, context)
  checkTogether(fields, { left, right }, node, path, load)
  return sync
}

function matchOf(match: unknown): SyncConfig['match'] {
  if (!Array.isArray(match)) return []
  return match.map(mapAt).map(({ left, right, normalise }) => ({
    left: typeof left === 'string' ? left : '',
    right: typeof right === 'string' ? right : '',
    normalise: (typeof normalise === 'string' ? normalise : 'exact') as MatchNormaliser,
  }))
}

function guardOf({ creates, updates, deletes }: Fields): SyncConfig['guard'] {
  return {
    creates: typeof creates === 'number' ? creates : 500,
    updates: typeof updates === 'number' ? updates : 2000,
    deletes: typeof deletes === 'number' ? deletes : 10,
  }
}

function reconcileOf(
  every: unknown,
  node: Node | undefined,
  path: ConfigPath,
  { problems }: LoadContext,
): number | undefined {
  const ms = durationIn(every)
  if (ms === undefined || ms >= LEAST_RECONCILE_MS || !node) return ms
  const message = 'a complete comparison reads every record of both sides: this must be at least 1m'
  problems.add(node.place, [...path, 'reconcileEvery'], 'minimum', message, '24h')
  return ms
}

/** What people see and type are names: one of them means one thing. */
function checkIdentity(
  { name, formerly }: SyncConfig,
  node: MapNode,
  identities: Set<string>,
  root: MapNode,
  { load: { problems }, flows }: SyncsContext,
): void {
  const path = ['syncs', name]
  if (flows.has(name)) {
    const message = `"${name}" is a flow too, and commands know both by name`
    problems.add(keyPlaceOf(node), path, 'duplicate-name', message, `${name}-sync`)
  }
  const place = keyPlaceOf(node.entries.get('formerly') ?? node)
  const at = [...path, 'formerly']
  const syncs = root.entries.get('syncs')
  const identity = formerly ?? name
  if (formerly !== undefined && formerly !== name && syncs?.kind === 'map' && syncs.entries.has(formerly)) {
    problems.add(place, at, 'duplicate-name', 'there is a sync of this name, so this one was not called that before')
    return
  }
  if (identities.has(identity)) problems.add(place, at, 'duplicate-name', 'another sync was called that before, too')
  identities.add(identity)
}

function mapAt(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}
