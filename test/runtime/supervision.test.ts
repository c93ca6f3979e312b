import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Connector, Page } from '../../src/connectors/connector.ts'
import { SyncError } from '../../src/errors.ts'
import { Poller } from '../../src/runtime/poller.ts'
import { Supervisor } from '../../src/runtime/supervisor.ts'
import { SystemMonitor } from '../../src/runtime/system-monitor.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const MINUTE = 60_000
const expired = () => new SyncError('fatal', 'TWENTY_AUTH', 'the key expired')

function supervised(bench: FlowBench, check: () => Promise<void> = async () => {}) {
  const system = new SystemMonitor({ name: 'fake', check, env: bench.env })
  const running = { ...bench.running(), failed: (error: SyncError) => system.failed(error) }
  const runner = bench.runner(bench.flow([bench.effect('safe', { system: running })]))
  const flow = new Supervisor({ runner, systems: [system], state: bench.state, env: bench.env })
  const stopping = new AbortController()
  const ended = Promise.all([system.run(stopping.signal), flow.run(stopping.signal)])
  return {
    system,
    flow,
    async stop() {
      stopping.abort()
      await bench.clock.advance(0)
      await ended
    },
  }
}

describe('a flow and the system it uses', () => {
  it('waits for a system that is away, says so, and starts by itself', async () => {
    const bench = new FlowBench()
    let away = true
    const { flow, stop } = supervised(bench, async () => {
      if (away) throw new SyncError('retryable', 'CONNECTION_FAILED', 'nobody there')
    })
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(10_000)
    expect(flow.status).toMatchObject({ state: 'waiting', reason: { code: 'CONNECTION_FAILED' } })
    away = false
    await bench.clock.advance(MINUTE)
    expect(flow.status.state).toBe('running')
    expect(bench.system.effects).toHaveLength(1)
    await stop()
  })

  it('stops every flow of a system whose key expired, probes at 1, 5 and 15 minutes, and resumes by itself', async () => {
    const bench = new FlowBench()
    const checks: number[] = []
    let valid = true
    const { flow, stop } = supervised(bench, async () => {
      checks.push(bench.clock.now())
      if (!valid) throw expired()
    })
    await bench.clock.advance(1000)
    valid = false
    bench.system.before = () => {
      if (!valid) throw expired()
    }
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    const lostAt = bench.clock.now()
    await bench.clock.advance(30 * MINUTE)
    expect(flow.status).toMatchObject({ state: 'waiting', reason: { code: 'TWENTY_AUTH' } })
    const minutes = checks.slice(1).map(at => Math.round((at - lostAt) / MINUTE))
    expect(minutes).toEqual([1, 6, 21])
    valid = true
    await bench.clock.advance(15 * MINUTE)
    expect(flow.status.state).toBe('running')
    expect(bench.system.effects).toHaveLength(1)
    await stop()
  })

  it('pauses for a person, keeps what comes, and goes on where it was', async () => {
    const bench = new FlowBench()
    const { flow, stop } = supervised(bench)
    await bench.clock.advance(1000)
    await flow.pause()
    await bench.clock.advance(1000)
    expect(flow.status.state).toBe('paused')
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(MINUTE)
    expect(bench.system.effects).toHaveLength(0)
    await flow.resume()
    await bench.clock.advance(1000)
    expect(bench.system.effects).toHaveLength(1)
    await stop()
  })
})

function polled(
  bench: FlowBench,
  connector: Partial<Connector>,
  coordinator = localCoordinator({ clock: bench.clock }),
  instance = 'one',
) {
  const poller = new Poller({
    name: 'fake',
    connector: { objects: ['thing'], pollEveryMs: 1000, ...connector },
    append: events => bench.log.append(TOPIC, events),
    state: bench.state,
    coordinator,
    env: bench.env,
    instance,
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

async function appended(bench: FlowBench): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const { event } of bench.log.read(TOPIC)) seen.push(event.data.n)
  return seen
}

describe('a poll', () => {
  it('stores a page before its cursor: a walk that fails half-way goes on at the failed page (P2)', async () => {
    const bench = new FlowBench()
    let failures = 1
    async function* poll(cursor: unknown): AsyncIterable<Page> {
      for (let page = Number(cursor ?? 0); page < 4; page++) {
        if (page === 2 && failures-- > 0) throw new SyncError('retryable', 'HTTP_503', 'busy')
        yield { events: [bench.event('a', { n: page })], cursor: page + 1 }
      }
    }
    const { poller, stop } = polled(bench, { poll })
    await bench.clock.advance(500)
    expect(poller.status).toMatchObject({ state: 'failing', error: { code: 'HTTP_503' } })
    expect(await appended(bench)).toEqual([0, 1])
    await bench.clock.advance(5000)
    expect(await appended(bench)).toEqual([0, 1, 2, 3])
    await stop()
  })

  it('runs in one instance at a time, and another takes over', async () => {
    const bench = new FlowBench()
    const coordinator = localCoordinator({ clock: bench.clock })
    let walks = 0
    let most = 0
    async function* poll(_: unknown, signal: AbortSignal): AsyncIterable<Page> {
      most = Math.max(most, ++walks)
      await bench.clock.sleep(20_000, signal).catch(() => {})
      walks--
      yield { events: [], cursor: 1 }
    }
    const one = polled(bench, { poll }, coordinator, 'one')
    const two = polled(bench, { poll }, coordinator, 'two')
    await bench.clock.advance(5 * MINUTE)
    await one.stop()
    await bench.clock.advance(MINUTE)
    expect(most).toBe(1)
    expect(two.poller.status.lastStartedAt).toBeGreaterThan(0)
    await two.stop()
  })
})

it('whoever waited for a system leaves nothing on the signal of the daemon, which lives as long as it does', async () => {
  const bench = new FlowBench()
  let away = true
  const system = new SystemMonitor({
    name: 'fake',
    check: async () => {
      if (away) throw new SyncError('retryable', 'CONNECTION_FAILED', 'nobody there')
    },
    env: bench.env,
  })
  const stopping = new AbortController()
  const waiters = new AbortController()
  const ended = system.run(stopping.signal)
  await bench.clock.advance(0)
  const waiting = Promise.all(Array.from({ length: 20 }, () => system.whenReady(waiters.signal)))
  expect(getEventListeners(waiters.signal, 'abort')).toHaveLength(1)
  away = false
  await bench.clock.advance(MINUTE)
  await waiting
  expect(getEventListeners(waiters.signal, 'abort')).toHaveLength(0)
  stopping.abort()
  await bench.clock.advance(0)
  await ended
})
