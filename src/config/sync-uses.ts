import type { Config, ConfigPath, SideName, SyncConfig, SyncFieldConfig } from './config.ts'

/** What a sync uses of one side: for the peer of that side to verify. */
export interface SyncUses {
  readonly sync: string
  readonly side: SideName
  readonly system: string
  readonly object: string
  readonly uses: readonly { readonly path: string; readonly writes: boolean; readonly at: ConfigPath }[]
}

/** Whether the side receives the field. */
export function writesOf({ direction }: SyncFieldConfig, side: SideName): boolean {
  return direction === 'both' || direction === `to-${side}`
}

/** Every field path of every sync with its place in the config, two entries a sync. */
export function syncUses({ syncs }: Pick<Config, 'syncs'>): SyncUses[] {
  return [...syncs.values()].flatMap(sync => [usesOf(sync, 'left'), usesOf(sync, 'right')])
}

function usesOf(sync: SyncConfig, side: SideName): SyncUses {
  const path = ['syncs', sync.name]
  const { system, object, stateField, syncedAtField } = sync[side]
  const match = sync.match.map((key, at) => ({ path: key[side], writes: false, at: [...path, 'match', at, side] }))
  const fields = sync.fields.map((field, at) => ({
    path: field[side],
    writes: writesOf(field, side),
    at: [...path, 'fields', at, side],
  }))
  const own = Object.entries({ stateField, syncedAtField }).flatMap(([key, field]) =>
    field === undefined ? [] : [{ path: field, writes: true, at: [...path, side, key] }],
  )
  return { sync: sync.name, side, system, object, uses: [...match, ...fields, ...own] }
}

/** Objects of a system whose events a sync has to hear: its own sides', and the tasks that answer questions. */
export function objectsOfSyncs(system: string, syncs: ReadonlyMap<string, SyncConfig>): string[] {
  const objects = [...syncs.values()].flatMap(({ left, right, tasks }) => [
    ...[left, right].filter(side => side.system === system).map(side => side.object),
    ...(tasks?.system === system ? ['task'] : []),
  ])
  return [...new Set(objects)]
}
