import { describeStateStore } from '../conformance/state-store.ts'
import { EmbeddedFolders } from '../support/embedded.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

describeStateStore(
  'embedded',
  async () => {
    const clock = new VirtualClock()
    const folders = new EmbeddedFolders(clock)
    const { state } = await folders.open()
    return {
      store: state,
      hashAt: async key => {
        const text = await folders.stateText(key)
        return text === undefined ? undefined : JSON.parse(text)
      },
      advance: ms => clock.advance(ms),
      reopen: async hard => (await folders.reopen(hard)).state,
      dispose: () => folders.dispose(),
    }
  },
  { durable: true, virtualTime: true },
)
