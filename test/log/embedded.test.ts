import { systemClock } from '../../src/environment/clock.ts'
import { describeEventLog } from '../conformance/event-log.ts'
import { EmbeddedFolders } from '../support/embedded.ts'

describeEventLog(
  'embedded',
  async () => {
    const folders = new EmbeddedFolders(systemClock)
    const { log } = await folders.open()
    return {
      log,
      reopen: async hard => (await folders.reopen(hard)).log,
      dispose: () => folders.dispose(),
    }
  },
  { partitions: 1, timeLookup: true, durable: true, compactsAtOnce: true },
)
