export { settle, VirtualClock } from '../../src/environment/virtual-clock.ts'
