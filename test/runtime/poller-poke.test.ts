import { describe, expect, it } from 'vitest'
import type { Connector, Page } from '../../src/connectors/connector.ts'
import { Poller } from '../../src/runtime/poller.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

function listening(poll: (poke: () => void) => AsyncIterable<Page>) {
  const bench = new FlowBench()
  let poke = () => {}
  const connector: Connector = {
    objects: ['thing'],
    pollEveryMs: 60_000,
    poll: () => poll(() => poke()),
    listen: (given, signal) => {
      poke = given
      return new Promise(resolve => signal.addEventListener('abort', () => resolve()))
    },
  }
  const poller = new Poller({
    name: 'fake',
    connector,
    append: events => bench.log.append(TOPIC, events),
    state: bench.state,
    coordinator: localCoordinator({ clock: bench.clock }),
    env: bench.env,
    instance: 'one',
  })
  const stopping = new AbortController()
  const ended = poller.run(stopping.signal)
  return {
    clock: bench.clock,
    poller,
    poke: () => poke(),
    async stop() {
      stopping.abort()
      await bench.clock.advance(0)
      await ended
    },
  }
}

describe('a connector that listens', () => {
  it('is polled at once when it says so, once for much that is said together', async () => {
    let walks = 0
    const bench = listening(async function* () {
      yield { events: [], cursor: ++walks }
    })
    await bench.clock.advance(1000)
    expect(walks).toBe(1)
    for (let count = 0; count < 100; count++) bench.poke()
    await bench.clock.advance(100)
    expect(walks).toBe(2)
    await bench.clock.advance(59_000)
    expect(walks).toBe(2)
    await bench.clock.advance(2000)
    expect(walks).toBe(3)
    await bench.stop()
  })

  it('is polled again for what it says during a poll, which may have read too early', async () => {
    let walks = 0
    const bench = listening(async function* (poke) {
      if (++walks === 2) poke()
      yield { events: [], cursor: walks }
    })
    await bench.clock.advance(1000)
    bench.poke()
    await bench.clock.advance(1000)
    expect(walks).toBe(3)
    await bench.stop()
  })

  it('is asked at once when a person wants it, also after a failure', async () => {
    let walks = 0
    const bench = listening(async function* () {
      if (++walks === 1) throw new Error('away')
      yield { events: [], cursor: walks }
    })
    await bench.clock.advance(0)
    bench.poller.now()
    await bench.clock.advance(0)
    expect(walks).toBe(2)
    bench.poller.now()
    await bench.clock.advance(0)
    expect(walks).toBe(3)
    await bench.clock.advance(59_000)
    expect(walks).toBe(3)
    await bench.stop()
  })

  it('is not asked earlier after a failure because it says something', async () => {
    let walks = 0
    const bench = listening(async function* () {
      if (++walks > 0) throw new Error('away')
      yield { events: [], cursor: 0 }
    })
    await bench.clock.advance(0)
    expect(walks).toBe(1)
    bench.poke()
    await bench.clock.advance(900)
    expect(walks).toBe(1)
    expect(bench.poller.status.state).toBe('failing')
    await bench.clock.advance(200)
    expect(walks).toBe(2)
    await bench.stop()
  })
})
