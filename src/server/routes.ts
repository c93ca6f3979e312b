import type { Connector, Route } from '../connectors/connector.ts'
import { SyncError } from '../errors.ts'

/** A connector that receives, with the address where it does. */
export interface Intake {
  readonly name: string
  readonly route: Route
  readonly receive: NonNullable<Connector['receive']>
}

/** What the daemon answers itself, with the method that it takes. */
export const OWN_PATHS: ReadonlyMap<string, string> = new Map([
  ['/livez', 'GET'],
  ['/readyz', 'GET'],
  ['/metrics', 'GET'],
])

/** @throws SyncError fatal `PATH_TAKEN` when two connectors, or a connector and the daemon, want one path. */
export function intakesByPath(connectors: ReadonlyMap<string, Connector>): ReadonlyMap<string, Intake> {
  const intakes = new Map<string, Intake>()
  for (const [name, connector] of connectors) {
    const { route, receive } = connector
    if (!route || !receive) continue
    const other = intakes.get(route.path)?.name ?? (isOwn(route.path) ? 'the daemon itself' : undefined)
    if (other) {
      throw new SyncError(
        'fatal',
        'PATH_TAKEN',
        `connectors.${name}.path: ${route.path} belongs to ${other}; choose another`,
      )
    }
    intakes.set(route.path, { name, route, receive: receive.bind(connector) })
  }
  return intakes
}

function isOwn(path: string): boolean {
  return path === '/' || OWN_PATHS.has(path) || path === '/api' || path.startsWith('/api/')
}
