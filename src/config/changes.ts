import isEqual from 'lodash/isEqual.js'
import type { Config } from './config.ts'

export interface ConfigChange {
  readonly what: 'system' | 'connector' | 'flow' | 'sync' | 'file'
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed'
}

type Entries = ReadonlyMap<string, unknown>

/** What differs between two configs, by name. A `file` is one that the config names, changed inside. */
export function configChanges(before: Config, after: Config): ConfigChange[] {
  const changes = [
    ...changesOf('system', before.systems, after.systems),
    ...changesOf('connector', before.connectors, after.connectors),
    ...changesOf('flow', before.flows, after.flows),
    ...changesOf('sync', before.syncs, after.syncs),
  ]
  if (changes.length > 0 || before.hash === after.hash) return changes
  return [{ what: 'file', name: 'a schema or template that a flow names', change: 'changed' }]
}

function changesOf(what: ConfigChange['what'], before: Entries, after: Entries): ConfigChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])]
  return names.flatMap((name): ConfigChange[] => {
    if (!before.has(name)) return [{ what, name, change: 'added' }]
    if (!after.has(name)) return [{ what, name, change: 'removed' }]
    return isEqual(before.get(name), after.get(name)) ? [] : [{ what, name, change: 'changed' }]
  })
}
