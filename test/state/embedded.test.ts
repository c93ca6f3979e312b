import { expect, it, onTestFinished } from 'vitest'
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

it('a long scan lets what comes in meanwhile have its turn', async () => {
  const folders = new EmbeddedFolders(new VirtualClock())
  onTestFinished(() => folders.dispose())
  const { state } = await folders.open()
  await state.commit(Array.from({ length: 1000 }, (_, n) => ({ key: `{a}:b:${n}`, value: n })))
  let isTaken = false
  setImmediate(() => {
    isTaken = true
  })
  const seen: boolean[] = []
  for await (const _ of state.scan('{a}:b:')) seen.push(isTaken)
  expect([seen.length, seen.at(-1)]).toEqual([1000, true])
})
