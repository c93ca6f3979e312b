import { systemClock } from '../../src/environment/clock.ts'
import type { Cancel, Clock } from '../../src/environment.ts'
import { DEFAULT_RETENTION_MS } from '../../src/log/event-log.ts'
import { nextMillisecond } from '../conformance/event-log/suite.ts'
import { describeEventLog } from '../conformance/event-log.ts'
import { EmbeddedFolders } from '../support/embedded.ts'
import { until } from '../support/until.ts'

describeEventLog(
  'embedded',
  async () => {
    const clock = new HousekeptClock()
    const folders = new EmbeddedFolders(clock)
    const { log } = await folders.open()
    return {
      log,
      expire: async name => {
        await log.createTopics([{ name, retentionMs: 0 }])
        await nextMillisecond()
        clock.keepHouse()
        await until(async () => (await log.describe([name])).every(({ partitions: [p] }) => p!.begin === p!.end))
        // What comes next is not to go as well before it is read.
        await log.createTopics([{ name, retentionMs: DEFAULT_RETENTION_MS }])
      },
      reopen: async hard => (await folders.reopen(hard)).log,
      dispose: () => folders.dispose(),
    }
  },
  { partitions: 1, timeLookup: true, durable: true, compactsAtOnce: true },
)

/** The machine's clock, on which the round of the housekeeping comes when it is called for. */
class HousekeptClock implements Clock {
  #round: (() => void) | undefined

  now(): number {
    return systemClock.now()
  }

  elapsed(): number {
    return systemClock.elapsed()
  }

  after(ms: number, fire: () => void, options?: { readonly background?: boolean }): Cancel {
    if (!options?.background) return systemClock.after(ms, fire)
    this.#round = fire
    return () => {}
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal)
  }

  keepHouse(): void {
    this.#round?.()
  }
}
