import type { DeclaredSystem } from './components.ts'
import { allSteps, type FlowConfig, type StepConfig } from './config.ts'
import type { BroughtFlow } from './definition.ts'
import type { FlowsContext } from './flows.ts'
import { keyPlaceOf } from './node.ts'

const CONCURRENCY = 10

/** The flows of the config, and those that come along with what their steps do. */
export function withBroughtFlows(
  flows: ReadonlyMap<string, FlowConfig>,
  { load, systems, rememberMs }: Pick<FlowsContext, 'load' | 'systems'> & { readonly rememberMs: number },
): Map<string, FlowConfig> {
  const all = new Map(flows)
  const used = [...flows.values()].flatMap(flow => actionsOf(flow.steps))
  for (const system of systems.values()) {
    const uses = used.filter(use => use.system === system.name)
    for (const brought of system.definition.flows?.(uses) ?? []) {
      const name = `${system.name}-${brought.name}`
      if (!all.has(name)) all.set(name, flowOf(name, system, brought, rememberMs))
      else {
        const message = `the flow "${name}" comes along with "${system.name}", and a flow of the config has its name`
        load.problems.add(
          keyPlaceOf(system.node),
          ['systems', system.name],
          'duplicate-name',
          message,
          'rename that flow',
        )
      }
    }
  }
  return all
}

function flowOf(name: string, { name: system }: DeclaredSystem, brought: BroughtFlow, rememberMs: number): FlowConfig {
  const { object, action } = brought
  return {
    name,
    from: [{ connector: system, object }],
    // It is new together with what it is to do.
    start: 'earliest',
    concurrency: CONCURRENCY,
    rememberMs,
    steps: [
      {
        id: action,
        verb: action,
        path: ['systems', system],
        config: {},
        use: { kind: 'action', system, onUnknown: 'hold' },
      },
    ],
  }
}

function actionsOf(steps: readonly StepConfig[]): { system: string; action: string; config: StepConfig['config'] }[] {
  return allSteps(steps).flatMap(({ use, verb, config }) =>
    use.kind === 'action' ? [{ system: use.system, action: verb, config }] : [],
  )
}
