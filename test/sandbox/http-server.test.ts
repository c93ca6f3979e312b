import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SandboxHttp, startSandboxHttp } from '../../sandbox/http/server.ts'

describe('HTTP stand-in', () => {
  let api: SandboxHttp
  const post = (key?: string, body = '{"a":1}') =>
    fetch(`${api.url}/things?x=1`, { method: 'POST', body, ...(key ? { headers: { 'Idempotency-Key': key } } : {}) })

  beforeEach(async () => {
    api = await startSandboxHttp({ answer: call => ({ status: 201, body: { path: call.path } }) })
  })

  afterEach(() => api.stop())

  it('answers and keeps what came', async () => {
    const response = await post()
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({ path: '/things' })
    expect(api.calls).toMatchObject([
      {
        method: 'POST',
        path: '/things',
        query: 'x=1',
        body: '{"a":1}',
        idempotencyKey: null,
        status: 201,
        applied: true,
      },
    ])
  })

  it('applies an idempotency key once and repeats its answer', async () => {
    await post('k1')
    expect((await post('k1')).status).toBe(201)
    await post('k2')
    expect(api.counts).toEqual({ requests: 3, applied: 2, repeated: 1 })
  })

  it('fails, loses answers and resets when told to', async () => {
    Object.assign(api.faults, { failNext: 1, failStatus: 429, retryAfterSeconds: 3 })
    const failed = await post('k')
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([429, '3'])
    api.faults.loseAnswerNext = 1
    await expect(post('k')).rejects.toThrow()
    api.faults.resetNext = 1
    await expect(post('other')).rejects.toThrow()
    expect(api.calls.map(({ status, applied }) => [status, applied])).toEqual([
      [429, false],
      [0, true],
      [0, false],
    ])
    await api.waitForApplied(1)
  })
})
