import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { Batcher } from '../../src/runtime/batcher.ts'
import { Claims } from '../../src/runtime/claims.ts'
import type { RunningSystem } from '../../src/runtime/step.ts'
import { HttpSink } from '../../src/sinks/http/sink.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

interface Call {
  readonly body: unknown
  readonly key: string | undefined
  readonly type: string | undefined
}

const lost = () => new SyncError('retryable', 'CONNECTION_LOST', 'no answer', { outcomeUnknown: true })

/** An API that answers nothing until it is told to. */
function shop(bench: FlowBench): { system: RunningSystem; calls: Call[]; up: () => void } {
  const calls: Call[] = []
  let answers = false
  const env: FlowBench['env'] = {
    ...bench.env,
    http: async ({ body, headers = {} }) => {
      calls.push({ body, key: headers['idempotency-key'], type: headers['content-type'] })
      if (!answers) throw lost()
      return { status: 200, headers: {}, body: Buffer.alloc(0) }
    },
  }
  const coordinator = localCoordinator({ clock: bench.clock })
  const sink = new HttpSink(
    { url: 'https://shop.example.com' },
    { name: 'shop', env, coordinator, compile: compileExpression },
  )
  const claims = new Claims({ coordinator, clock: bench.clock, random: () => 0.5, owner: 'bench', shared: false })
  const batcher = new Batcher({
    system: 'shop',
    sink,
    actions: { request: { effect: 'keyed' } },
    env,
    claims,
    signal: new AbortController().signal,
  })
  return {
    system: { name: 'shop', batcher, echoes: false, failed: () => {} },
    calls,
    up: () => {
      answers = true
    },
  }
}

describe('a keyed call whose answer was lost (P3)', () => {
  const bodies = [
    ['json', { before: { n: 1, text: 'ä"' }, after: { n: 2 } }],
    ['form', { before: { a: 'b c', list: [1, 2] }, after: { a: 'd' } }],
    ['no body before', { before: undefined, after: { n: 2 } }],
    ['no body after', { before: { n: 1 }, after: undefined }],
  ] as const

  it.each(bodies)(
    'is repeated with the key and body of the first try after the config was swapped: %s',
    async (kind, swap) => {
      const bench = new FlowBench()
      const { system, calls, up } = shop(bench)
      const flowWith = (body: unknown) =>
        bench.flow([
          bench.effect('keyed', {
            system,
            action: 'request',
            key: compileExpression('data.order'),
            args: () => ({
              path: '/orders',
              idempotencyHeader: 'Idempotency-Key',
              ...(kind === 'form' && { bodyType: 'form' }),
              ...(body !== undefined && { body }),
            }),
          }),
        ])
      const first = bench.start(flowWith(swap.before))
      await bench.log.append(TOPIC, [bench.event('a', { order: 'o1' })])
      await bench.clock.advance(10)
      await first.stop()
      const before = calls.length
      expect(before).toBeGreaterThan(0)
      const second = bench.start(flowWith(swap.after))
      await bench.clock.advance(2000)
      up()
      await bench.clock.advance(40_000)
      expect(calls.length).toBeGreaterThan(before)
      expect(new Set(calls.map(call => JSON.stringify(call))).size).toBe(1)
      // Another order is sent as the config says now.
      await bench.log.append(TOPIC, [bench.event('b', { order: 'o2' })])
      await bench.clock.advance(1000)
      const expected = kind === 'form' ? 'a=d' : swap.after && JSON.stringify(swap.after)
      expect(calls.at(-1)?.body).toBe(expected)
      await second.stop()
    },
  )

  it('is sent anew, as the config says now, when it surely did nothing', async () => {
    const bench = new FlowBench()
    const sent: unknown[] = []
    bench.system.before = ({ args }) => {
      sent.push(args.n)
      if (sent.length === 1) throw new SyncError('retryable', 'HTTP_503', 'busy')
    }
    const first = bench.start(bench.flow([bench.effect('keyed', { args: () => ({ n: 'old' }) })]))
    await bench.log.append(TOPIC, [bench.event('a')])
    await bench.clock.advance(10)
    await first.stop()
    const second = bench.start(bench.flow([bench.effect('keyed', { args: () => ({ n: 'new' }) })]))
    await bench.clock.advance(10_000)
    expect(sent).toEqual(['old', 'new'])
    await second.stop()
  })
})

describe('an effect whose `key` was changed while its outcome was unknown (P3)', () => {
  it.each([
    ['keyed', 2],
    ['blind', 1],
  ] as const)('%s: stays the effect that it was', async (effect, calls) => {
    const bench = new FlowBench()
    const keys: string[] = []
    bench.system.after = ({ key }) => {
      keys.push(key)
      if (keys.length === 1) return bench.clock.sleep(3_600_000)
    }
    const flowWith = (source: string) => bench.flow([bench.effect(effect, { key: compileExpression(source) })])
    const first = bench.start(flowWith('data.order'))
    await bench.log.append(TOPIC, [bench.event('a', { order: 'o1', customer: 'c1' })])
    await bench.clock.advance(10)
    const stopped = first.stop()
    await bench.clock.advance(10_000)
    await stopped
    const second = bench.start(flowWith('data.customer'))
    await bench.clock.advance(10_000)
    expect(keys).toHaveLength(calls)
    expect(new Set(keys)).toEqual(new Set([`leads/${effect}/o1`]))
    const letters = await bench.deadLetters.list('leads')
    expect(letters.map(({ letter }) => letter.code)).toEqual(effect === 'blind' ? ['OUTCOME_UNKNOWN'] : [])
    await second.stop()
  })
})
