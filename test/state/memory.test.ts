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
      hashAt: async key => {
        const stored = disk.entries.get(key)
        return stored && JSON.parse(stored.json)
      },
      advance: ms => clock.advance(ms),
      reopen: async () => memoryState({ clock, disk: disk.snapshot() }),
    }
  },
  { durable: true, virtualTime: true },
)
