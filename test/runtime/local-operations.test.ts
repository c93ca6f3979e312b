import { describe, expect, it } from 'vitest'
import type { Engine } from '../../src/engine.ts'
import { SyncError } from '../../src/errors.ts'
import type { Assembly } from '../../src/runtime/assemble.ts'
import { LocalOperations } from '../../src/runtime/local-operations.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const SYNC = {
  config: { name: 'people', left: {}, right: {}, match: [], fields: [], guard: {} },
  peers: {},
  topics: {},
}

function operations(...flows: string[]): LocalOperations {
  return withSyncs([], ...flows)
}

function withSyncs(syncs: readonly unknown[], ...flows: string[]): LocalOperations {
  const bench = new FlowBench()
  const { log, state, env, deadLetters, ledger } = bench
  const assembly = {
    flows: flows.map(name => ({ compiled: bench.flow([], { name, identity: name }) })),
    syncs,
    expressions: { compile: () => undefined },
    connectors: new Map(),
    names: bench.names,
  } as unknown as Assembly
  return new LocalOperations({ assembly, engine: { log, state } as Engine, env, deadLetters, ledger })
}

describe('an unknown flow', () => {
  const replayed = (known: LocalOperations, flow: string) => () =>
    known.replay({ flow, from: 'earliest' }, new AbortController().signal)

  it('is answered with the nearest name and all that there are', () => {
    expect(replayed(operations('web-form-leads', 'welcome-note'), 'web-form-lead')).toThrow(
      expect.objectContaining({
        code: 'NO_SUCH_FLOW',
        message: 'no flow "web-form-lead". Did you mean "web-form-leads"? There are: web-form-leads, welcome-note.',
        details: { known: ['web-form-leads', 'welcome-note'], suggestion: 'web-form-leads' },
      }),
    )
  })

  it('is answered without a guess where none is near', () => {
    expect(replayed(operations('welcome-note'), 'billing')).toThrow('no flow "billing". There is: welcome-note.')
    expect(replayed(operations(), 'billing')).toThrow('no flow "billing". There is none.')
  })
})

it('what is to be paused is a flow or a sync', async () => {
  const both = withSyncs([SYNC], 'welcome-note')
  const message = 'no flow or sync "poeple". Did you mean "people"? There are: welcome-note, people.'
  await expect(both.pauseFlow({ flow: 'poeple' })).rejects.toThrow(message)
  await expect(both.resumeFlow({ flow: 'poeple' })).rejects.toThrow(message)
})

describe('how far behind a flow is', () => {
  it('counts what a person sent back', async () => {
    const bench = new FlowBench()
    const flow = bench.flow([bench.effect('safe')])
    await bench.log.createTopics([{ name: TOPIC }, { name: flow.redriveTopic }])
    const { log, state, env, deadLetters, ledger, names } = bench
    const parts = { flows: [{ compiled: flow }], syncs: [], systems: new Map(), connectors: new Map() }
    const assembly = { ...parts, names, config: { connectors: new Map() } } as unknown as Assembly
    const engine = { log, state } as Engine
    const operations = new LocalOperations({ assembly, engine, env, deadLetters, ledger })
    bench.system.before = () => {
      throw new SyncError('rejected', 'REQUEST_REFUSED', 'no')
    }
    await log.append(TOPIC, [bench.event('a')])
    const running = bench.start(flow)
    await bench.clock.advance(1000)
    await running.stop()
    const lag = async () => (await operations.status()).flows[0]!.lag
    expect(await lag()).toBe(0)
    await operations.redriveDeadLetters({ flow: 'leads', all: true })
    expect(await lag()).toBe(1)
  })
})
