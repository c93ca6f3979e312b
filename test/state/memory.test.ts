import { MemoryStateDisk, memoryState } from '../../src/state/memory.ts'
import { describeStateStore } from '../conformance/state-store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

describeStateStore(
  'memory',
  async () => {
    const clock = new VirtualClock()
    const disk = new MemoryStateDisk()
    return {
      store: memoryState({ clock, disk }),
      advance: ms => clock.advance(ms),
      reopen: async () => memoryState({ clock, disk: disk.snapshot() }),
    }
  },
  { durable: true, virtualTime: true },
)
