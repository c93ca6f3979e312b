import { onTestFinished } from 'vitest'
import { EmbeddedFolders } from './embedded.ts'
import { FlowBench } from './flow-bench.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Engines on which a flow runs in virtual time. */
export const ENGINES = ['memory', 'embedded'] as const
export type EngineName = (typeof ENGINES)[number]

/** A bench on the engine, which goes with the test. */
export async function benchOn(engine: EngineName): Promise<FlowBench> {
  const clock = new VirtualClock()
  if (engine === 'memory') return new FlowBench(undefined, clock)
  const folders = new EmbeddedFolders(clock)
  onTestFinished(() => folders.dispose())
  return new FlowBench(await folders.open(), clock)
}
