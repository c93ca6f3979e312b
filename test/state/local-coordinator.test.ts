import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { describeCoordinator } from '../conformance/coordinator.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

describeCoordinator(
  'in process',
  async () => {
    const clock = new VirtualClock()
    return { coordinator: localCoordinator({ clock }), advance: ms => clock.advance(ms) }
  },
  { virtualTime: true },
)
