import { afterEach, describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { Peer } from '../../src/sync/peer.ts'
import { away, CONFIG, QuestionBench } from '../support/question-bench.ts'
import { withMethod } from '../support/with-method.ts'

const MINUTE = 60_000
let bench: QuestionBench
afterEach(() => bench.stop())

const fields = CONFIG.fields.map(field => ({ ...field, policy: { kind: 'prefer', side: 'left' } as const }))

/** Records of that side are read before they are written, for which `before` is called. */
function reading(peer: Peer, before: (ids: readonly string[]) => void): Peer {
  const get: Peer['get'] = async (ids, options) => {
    before(ids)
    return peer.get(ids, options)
  }
  return withMethod(peer, { conditional: false, get })
}

describe('what has to be read before it is written', () => {
  it('and is refused for one record keeps no other one from being written', async () => {
    bench = new QuestionBench({ fields })
    bench.wrap = peer =>
      reading(peer, ids => {
        if (ids.includes('r-b')) throw new SyncError('rejected', 'REQUEST_REFUSED', 'no such id')
      })
    const runner = await bench.begin('a', 'b', 'c')
    await bench.rest(MINUTE)
    await Promise.all(['a', 'b', 'c'].map(id => bench.left.set(`l-${id}`, { title: 'new' })))
    await bench.rest()
    expect(['a', 'b', 'c'].map(id => bench.values(id)[1])).toEqual(['new', 'old', 'new'])
    expect(runner.status).toMatchObject({ failing: 1, lastError: { code: 'REQUEST_REFUSED' } })
  })

  it('on a side that is away keeps nothing from the other side', async () => {
    bench = new QuestionBench({ fields })
    let isAway = false
    bench.wrap = (peer, side) =>
      reading(peer, () => {
        if (side === 'left' && isAway) throw away()
      })
    await bench.begin('a', 'b')
    await bench.rest(MINUTE)
    isAway = true
    await Promise.all([bench.left.set('l-a', { title: 'new' }), bench.right.set('r-b', { title: 'new' })])
    await bench.rest()
    expect(bench.values('a')).toEqual(['new', 'new'])
    expect(bench.values('b')).toEqual(['old', 'new'])
    isAway = false
    await bench.rest(5 * MINUTE)
    expect(bench.values('b')).toEqual(['new', 'new'])
  })
})

describe('what was read', () => {
  it('is as old as the question: an edit that nobody told of meanwhile is seen before the next try (P5)', async () => {
    bench = new QuestionBench({ fields: fields.map(field => ({ ...field, policy: { kind: 'latest' } })) })
    let isSlow = false
    bench.wrap = (peer, side) =>
      side === 'left'
        ? peer
        : withMethod(peer, {
            conditional: false,
            async get(ids, options) {
              const records = await peer.get(ids, options)
              if (isSlow) await bench.clock.sleep(MINUTE)
              return records
            },
            async write(writes, options) {
              // It takes no condition.
              const { version } = bench.right.records.get('r-a')!
              if (!isSlow)
                return peer.write(
                  writes.map(each => ({ ...each, version })),
                  options,
                )
              isSlow = false
              return writes.map(() => ({ status: 'failed', error: away() }))
            },
          })
    await bench.begin('a')
    await bench.rest(MINUTE)
    isSlow = true
    await bench.left.set('l-a', { title: 'left' })
    await bench.rest(MINUTE / 2)
    const record = bench.right.records.get('r-a')!
    bench.right.records.set('r-a', { ...record, version: bench.stamp(), data: { ...record.data, title: 'right' } })
    await bench.rest(5 * MINUTE)
    expect(bench.values('a')).toEqual(['right', 'right'])
  })
})

describe('the counterparts of many records', () => {
  it('are looked for at once: a side that cannot search reads its whole list for it (P8)', async () => {
    bench = new QuestionBench({ fields })
    const finds: number[] = []
    bench.wrap = peer =>
      withMethod(peer, {
        batch: { read: 5, write: 5, delete: 5 },
        find: (path, values, options) => {
          finds.push(values.length)
          return peer.find(path, values, options)
        },
      })
    await bench.begin('a')
    await bench.rest(10 * MINUTE)
    await Promise.all(Array.from({ length: 40 }, (_, n) => bench.left.set(`l-${n}`, { key: `k${n}`, title: 'new' })))
    await bench.rest()
    expect(bench.right.records.size).toBe(41)
    expect(finds.reduce((sum, count) => sum + count, 0)).toBe(40)
    expect(finds.length).toBeLessThan(4)
  })
})

describe('a write that failed', () => {
  it('is not tried before the time that the other side asked for (P8)', async () => {
    bench = new QuestionBench({ fields })
    let tries = 0
    const write: Peer['write'] = async writes => {
      tries++
      const error = new SyncError('retryable', 'RATE_LIMITED', 'later', { retryAfterMs: 60 * MINUTE })
      return writes.map(() => ({ status: 'failed', error }))
    }
    bench.wrap = (peer, side) => (side === 'left' ? peer : withMethod(peer, { write }))
    await bench.begin('a')
    await bench.left.set('l-a', { title: 'new' })
    await bench.rest(59 * MINUTE)
    expect(tries).toBe(1)
    await bench.rest(2 * MINUTE)
    expect(tries).toBe(2)
  })
})
