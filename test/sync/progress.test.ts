import { expect, it } from 'vitest'
import { memoryState } from '../../src/state/memory.ts'
import { ProgressStore } from '../../src/sync/progress.ts'
import { SyncKeys } from '../../src/sync/sync-keys.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

it('keeps what both sides have walked, also where they end at the same time', async () => {
  const state = memoryState({ clock: new VirtualClock() })
  const progress = new ProgressStore(state, new SyncKeys('people'))
  await progress.load()
  await Promise.all([
    progress.walked('left', { seen: 3, done: true }),
    progress.walked('right', { seen: 4, done: true }),
  ])
  expect(await new ProgressStore(state, new SyncKeys('people')).load()).toEqual({
    left: { seen: 3, done: true },
    right: { seen: 4, done: true },
  })
})
