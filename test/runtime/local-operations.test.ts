import { describe, expect, it } from 'vitest'
import type { Engine } from '../../src/engine.ts'
import type { Assembly } from '../../src/runtime/assemble.ts'
import { LocalOperations } from '../../src/runtime/local-operations.ts'
import { FlowBench } from '../support/flow-bench.ts'

function operations(...flows: string[]): LocalOperations {
  const bench = new FlowBench()
  const { log, state, env, deadLetters, ledger } = bench
  const assembly = {
    flows: flows.map(name => ({ compiled: bench.flow([], { name, identity: name }) })),
    syncs: [],
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
