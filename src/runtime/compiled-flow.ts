import type { LoggedEvent, StartPosition } from '../log/event-log.ts'
import type { CollectSettings } from './collector.ts'
import type { Run } from './run.ts'
import type { Step } from './step.ts'

/** A flow with its components made. */
export interface CompiledFlow {
  readonly name: string
  /** Name under which state, group and offsets are kept: the flow's first one. */
  readonly identity: string
  readonly group: string
  /** Source topics with the actions wanted; undefined wants all. */
  readonly topics: ReadonlyMap<string, ReadonlySet<string> | undefined>
  readonly redriveTopic: string
  readonly start: StartPosition
  readonly concurrency: number
  /** Present: events wait and start together. */
  readonly collect?: CollectSettings
  readonly rememberMs: number
  readonly steps: readonly Step[]
  /** The system whose writes may have caused an event, by topic. */
  readonly echoSystems: ReadonlyMap<string, string>
}

/** A group of its own: what a person sends back is never skipped over. */
export function redriveGroupOf({ group }: Pick<CompiledFlow, 'group'>): string {
  return `${group}.redrive`
}

/** How a replay differs: done marks do not count, nothing is parked, and effects are held back by class. */
export interface ReplayMode {
  readonly group: string
  readonly start: Readonly<Record<string, StartPosition>>
  readonly dryRun: boolean
  readonly allEffects: boolean
  /** False: the event is passed over. */
  wants(logged: LoggedEvent): boolean
  /** Called once per event, whatever became of it. */
  ended(logged: LoggedEvent, run: Run | undefined): void
}
