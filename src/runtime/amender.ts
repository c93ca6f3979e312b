import type { ChangeEvent } from '../event.ts'
import type { Amendment } from '../sinks/sink.ts'
import { Abandoned } from './abandoned.ts'
import { EffectItem } from './effect-item.ts'
import type { Run } from './run.ts'
import { allSteps, type RunningSystem, type Step } from './step.ts'
import type { Cause, WriteLedger, Written } from './write-ledger.ts'

/** What has to be done where, since a write of ours did more than was planned. */
export interface Amending {
  readonly system: RunningSystem
  readonly amendment: Amendment
}

/** Looks at the echoes of a flow's own writes, and puts right what they show to have gone beyond the plan. */
export class Amender {
  readonly #flow: string
  readonly #ledger: WriteLedger
  readonly #systems: ReadonlyMap<string, RunningSystem>

  constructor(options: { flow: string; steps: readonly Step[]; ledger: WriteLedger }) {
    this.#flow = options.flow
    this.#ledger = options.ledger
    this.#systems = new Map(systemsOf(options.steps).map(system => [system.name, system]))
  }

  /** True for an event that would show a write of ours to have done more than planned, if it was one of ours. */
  concerns(systemName: string | undefined, event: ChangeEvent): boolean {
    return this.#systems.get(systemName ?? '')?.batcher.amendmentOf(event, 'update') !== undefined
  }

  /** undefined: the write did what it should. */
  needed(systemName: string | undefined, echo: ChangeEvent, { operation }: Written): Amending | undefined {
    const system = this.#systems.get(systemName ?? '')
    const amendment = system?.batcher.amendmentOf(echo, operation)
    return system && amendment && { system, amendment }
  }

  /** May be repeated: the sink looks before it writes. @throws SyncError, Abandoned */
  async amend(run: Run, { system, amendment }: Amending): Promise<void> {
    const { id, time } = run.event
    const cause: Cause = { flow: this.#flow, event: id, hops: run.hops }
    const item = new EffectItem(amendment.action, amendment.args, `${this.#flow}/amend/${id}`, time, false, 'live')
    const planned = await system.batcher.plan(item, run.owned)
    try {
      const { plan } = planned
      if (plan.operation === 'none') return
      await this.#ledger.open(system.name, plan, cause)
      if (run.owned.aborted) throw new Abandoned()
      const delivery = await planned.deliver()
      if (delivery.status === 'failed') throw delivery.error
      await this.#ledger.close(system.name, plan, delivery, cause)
    } finally {
      await planned.release()
    }
  }
}

function systemsOf(steps: readonly Step[]): RunningSystem[] {
  return allSteps(steps).flatMap(step => (step.kind === 'action' ? [step.system] : []))
}
