import type { ConfigPath } from './config.ts'
import type { ConfigFault } from './definition.ts'
import type { LoadContext } from './load-context.ts'
import type { Node } from './node.ts'

/** What only the component itself can judge, once its config fits its schema. */
export function reportFaults(
  faults: readonly ConfigFault[] | undefined,
  node: Node,
  path: ConfigPath,
  { problems }: LoadContext,
): void {
  for (const { path: within, message, suggestion } of faults ?? []) {
    const [key] = within
    const place = node.kind === 'map' && typeof key === 'string' ? (node.entries.get(key) ?? node) : node
    problems.add(place.place, [...path, ...within], 'component', message, suggestion)
  }
}
