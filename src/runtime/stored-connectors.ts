import type { StateStore } from '../state/state-store.ts'
import type { Assembly } from './assemble.ts'
import type { ConnectorReport } from './operations.ts'

/** Reports of the connectors when no daemon runs: what the config and the state know. */
export function storedConnectors(assembly: Assembly, state: StateStore): Promise<ConnectorReport[]> {
  return Promise.all(
    [...assembly.config.connectors.values()].map(async ({ name, definition }) => {
      const { route, objects = [], schedule } = assembly.connectors.get(name) ?? {}
      const [entry] = schedule ? await state.get([`{connector/${name}}:cursor`]) : []
      const runs = schedule?.runs(entry?.value)
      return {
        name,
        type: definition.type,
        ...(route && { path: route.path }),
        objects,
        received: 0,
        dropped: {},
        refused: 0,
        ...(runs && { poll: { state: 'waiting' as const, events: 0, runs } }),
      }
    }),
  )
}
