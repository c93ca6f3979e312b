import { describe, expect, it } from 'vitest'
import type { Connector, Page } from '../../src/connectors/connector.ts'
import { SyncError } from '../../src/errors.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import type { StatusReport } from '../../src/runtime/operations.ts'
import { Poller } from '../../src/runtime/poller.ts'
import type { Coordinator } from '../../src/state/coordinator.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const CURSOR = '{connector/fake}:cursor'

function polled(bench: FlowBench, poll: Connector['poll'], coordinator?: Coordinator) {
  const poller = new Poller({
    name: 'fake',
    connector: { objects: ['thing'], pollEveryMs: 60_000, poll },
    append: events => bench.log.append(TOPIC, events),
    state: bench.state,
    coordinator: coordinator ?? localCoordinator({ clock: bench.clock }),
    env: bench.env,
    instance: 'one',
  })
  const stopping = new AbortController()
  const ended = poller.run(stopping.signal)
  return {
    poller,
    async stop() {
      stopping.abort()
      await bench.clock.advance(0)
      await ended
    },
  }
}

describe('the status of a poll', () => {
  it('says that it goes on elsewhere when another instance moved the cursor, and starts again when its turn comes', async () => {
    const bench = new FlowBench()
    let walks = 0
    async function* poll(): AsyncIterable<Page> {
      if (++walks === 1) await bench.state.commit([{ key: CURSOR, value: 'theirs' }])
      yield { events: [bench.event('a')], cursor: 'ours' }
    }
    const { poller, stop } = polled(bench, poll)
    await bench.clock.advance(1000)
    expect(poller.status.state).toBe('elsewhere')
    expect(poller.status.lastEndedAt).toBeDefined()
    expect((await bench.state.get([CURSOR]))[0]?.value).toBe('theirs')
    await bench.clock.advance(60_000)
    expect(poller.status).toMatchObject({ state: 'waiting', events: 1 })
    expect((await bench.state.get([CURSOR]))[0]?.value).toBe('ours')
    await stop()
  })

  it.each(['ends', 'throws'])('says the same when the lease went away in mid-walk and the walk %s', async how => {
    const bench = new FlowBench()
    const inner = localCoordinator({ clock: bench.clock })
    const coordinator = {
      acquire: async (...args: Parameters<Coordinator['acquire']>) => {
        const lease = await inner.acquire(...args)
        return lease && { ...lease, renew: async () => false, release: () => lease.release() }
      },
    } as Coordinator
    async function* poll(_: unknown, signal: AbortSignal): AsyncIterable<Page> {
      const waited = bench.clock.sleep(50_000, signal)
      await (how === 'ends' ? waited.catch(() => {}) : waited)
    }
    const { poller, stop } = polled(bench, poll, coordinator)
    await bench.clock.advance(20_000)
    expect(poller.status).toMatchObject({ state: 'elsewhere', error: undefined })
    await stop()
  })

  it('counts what was deliberately dropped, over all walks, and the metrics show it', async () => {
    const bench = new FlowBench()
    async function* poll(): AsyncIterable<Page> {
      yield { events: [], cursor: 1, dropped: { 'position-only': 2 } }
      yield { events: [], cursor: 2 }
      yield { events: [], cursor: 3, dropped: { 'position-only': 1 } }
    }
    const { poller, stop } = polled(bench, poll)
    await bench.clock.advance(70_000)
    expect(poller.status.dropped).toEqual({ 'position-only': 6 })
    const { registry, watch } = createMetrics(bench.clock)
    const report = { flows: [], systems: [], connectors: [{ name: 'fake', poll: poller.status }] }
    watch(async () => report as unknown as StatusReport)
    expect(await registry.getSingleMetricAsString('twenty_sync_poll_dropped_records')).toContain(
      'twenty_sync_poll_dropped_records{connector="fake",reason="position-only"} 6',
    )
    await stop()
  })
})

describe('a poll that is refused', () => {
  it('is not tried sooner than the next one would be, whatever else it read before (P8)', async () => {
    const bench = new FlowBench()
    let walks = 0
    async function* poll(): AsyncIterable<Page> {
      walks++
      yield { events: [bench.event('a')], cursor: walks }
      throw new SyncError('rejected', 'NOT_FOUND', 'there is no such page')
    }
    const { stop } = polled(bench, poll)
    await bench.clock.advance(5 * 60_000)
    expect(walks).toBe(6)
    await stop()
  })
})
