import { describe, expect, it } from 'vitest'
import type { Connector } from '../../src/connectors/connector.ts'
import type { Engine } from '../../src/engine.ts'
import { SyncError } from '../../src/errors.ts'
import type { LoggedEvent } from '../../src/log/event-log.ts'
import type { Assembly } from '../../src/runtime/assemble.ts'
import type { CompiledFlow } from '../../src/runtime/compiled-flow.ts'
import { LocalOperations } from '../../src/runtime/local-operations.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const PLACE = { connector: 'form' }

function launching(bench: FlowBench, flows: readonly CompiledFlow[] = [], connector: Partial<Connector> = {}) {
  const { log, state, env, deadLetters, ledger, names } = bench
  const assembly = {
    flows: flows.map(compiled => ({ compiled })),
    syncs: [],
    connectors: new Map([['form', { objects: ['received'], ...connector }]]),
    config: { connectors: new Map() },
    names,
  } as unknown as Assembly
  return new LocalOperations({ assembly, engine: { log, state } as Engine, env, deadLetters, ledger })
}

async function logged(bench: FlowBench): Promise<LoggedEvent[]> {
  const all: LoggedEvent[] = []
  for await (const each of bench.log.read(TOPIC)) all.push(each)
  return all
}

const MANUAL: Partial<Connector> = {
  launch: {
    check: parameters => {
      if (parameters.campaign === 'bad') throw new SyncError('rejected', 'BAD_PARAMETERS', 'no')
    },
    keyOf: data => (typeof data.email === 'string' ? data.email : undefined),
  },
}

describe('a list that is launched', () => {
  it('gives an event for each record, with the parameters under its own values', async () => {
    const bench = new FlowBench()
    await bench.log.createTopics([{ name: TOPIC }])
    const operations = launching(bench, [], MANUAL)
    const parameters = { campaign: 'spring', city: 'Rome' }
    const records = [{ email: 'a@x.org', city: 'Paris' }, { id: 7 }, {}]
    const launched = await operations.triggerList({ ...PLACE, parameters, records })
    expect(launched).toEqual({ run: expect.stringMatching(/^20261124T100000Z-[0-9a-f]{8}$/), topic: TOPIC, events: 3 })
    const events = (await logged(bench)).map(({ event }) => event)
    expect(events.map(({ key, data }) => [key, data])).toEqual([
      ['a@x.org', { campaign: 'spring', email: 'a@x.org', city: 'Paris' }],
      ['7', { campaign: 'spring', city: 'Rome', id: 7 }],
      [events[2]!.id, { campaign: 'spring', city: 'Rome' }],
    ])
    expect(events[0]).toMatchObject({ type: 'form.received', extensions: { triggered: 'true', run: launched.run } })
  })

  it('P3: a part that is sent again has the same ids, and another part others', async () => {
    const bench = new FlowBench()
    await bench.log.createTopics([{ name: TOPIC }])
    const operations = launching(bench)
    const { run } = await operations.triggerList({ ...PLACE, records: [{}, {}] })
    for (const from of [2, 2]) await operations.triggerList({ ...PLACE, run, from, records: [{}] })
    const ids = (await logged(bench)).map(({ event }) => event.id)
    expect([ids.length, new Set(ids).size]).toEqual([4, 3])
    expect(await operations.triggerReport({ ...PLACE, run })).toMatchObject({ events: 3 })
  })

  it('is refused as a whole for its parameters', async () => {
    const bench = new FlowBench()
    await bench.log.createTopics([{ name: TOPIC }])
    const operations = launching(bench, [], MANUAL)
    const query = { ...PLACE, parameters: { campaign: 'bad' }, records: [{}] }
    await expect(operations.triggerList(query)).rejects.toMatchObject({ code: 'BAD_PARAMETERS' })
    await expect(operations.trigger({ ...PLACE, data: { campaign: 'bad' } })).rejects.toMatchObject({
      code: 'BAD_PARAMETERS',
    })
    expect(await logged(bench)).toEqual([])
  })

  it('needs no data only where the connector is made for that', async () => {
    const bench = new FlowBench()
    await bench.log.createTopics([{ name: TOPIC }])
    expect(await launching(bench, [], MANUAL).trigger(PLACE)).toMatchObject({ type: 'form.received' })
    expect(await launching(bench, [], MANUAL).triggerList(PLACE)).toMatchObject({ events: 1 })
    await expect(launching(bench).trigger(PLACE)).rejects.toMatchObject({ code: 'DATA_MISSING' })
    await expect(launching(bench).triggerList(PLACE)).rejects.toMatchObject({ code: 'DATA_MISSING' })
    expect(await logged(bench)).toHaveLength(2)
    expect(await launching(bench).triggerList({ ...PLACE, parameters: {} })).toMatchObject({ events: 1 })
  })
})

describe('the report of a run', () => {
  it('counts each event once per flow, and only those of the run', async () => {
    const bench = new FlowBench()
    await bench.log.createTopics([{ name: TOPIC }])
    const flow = bench.flow([bench.effect('safe')])
    const idle = bench.flow([], {
      name: 'idle',
      identity: 'idle',
      group: 'test.flow.idle',
      topics: new Map([[TOPIC, new Set(['gone'])]]),
    })
    const operations = launching(bench, [flow, idle])
    bench.system.before = ({ args }) => {
      if (args.fate === 'dead') throw new SyncError('rejected', 'REQUEST_REFUSED', 'no')
      if (args.fate === 'parked') throw new SyncError('retryable', 'CONNECTION_FAILED', 'away')
    }
    const records = ['done', 'dead', 'parked', ...Array(250).fill('done')].map(fate => ({ fate }))
    const { run } = await operations.triggerList({ ...PLACE, records })
    await operations.triggerList({ ...PLACE, records: [{ fate: 'done' }] })
    const report = () => operations.triggerReport({ ...PLACE, run })
    const none = { done: 0, skipped: 0, failed: 0, parked: 0, open: 0 }
    expect(await report()).toEqual({
      run,
      topic: TOPIC,
      events: 253,
      flows: [
        { ...none, flow: 'leads', open: 253 },
        { ...none, flow: 'idle' },
      ],
    })
    const { stop } = bench.start(flow)
    await bench.clock.advance(40_000)
    expect((await report()).flows[0]).toEqual({ ...none, flow: 'leads', done: 251, failed: 1, parked: 1 })
    await stop()
  })

  it('knows no run that is none', async () => {
    const bench = new FlowBench()
    await bench.log.createTopics([{ name: TOPIC }])
    const operations = launching(bench)
    const code = 'NO_SUCH_RUN'
    await expect(operations.triggerReport({ ...PLACE, run: 'spring' })).rejects.toMatchObject({ code })
    await expect(operations.triggerReport({ ...PLACE, run: '20261124T100000Z-00000000' })).rejects.toMatchObject({
      code,
    })
    await expect(operations.triggerReport({ connector: 'x', run: 'y' })).rejects.toMatchObject({
      code: 'NO_SUCH_CONNECTOR',
    })
  })
})
