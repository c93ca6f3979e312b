import { describe, expect, it, vi } from 'vitest'
import dedupe from '../../src/processors/dedupe.ts'
import { failureOf, processContext, scopeOf, stepContext } from './support.ts'

function run(answer: 'mine' | 'taken' | 'wait', data: Record<string, unknown>, within?: string) {
  const claim = vi.fn(async () => answer)
  const processor = dedupe.create({ by: 'data.?email', ...(within !== undefined && { within }) }, stepContext)
  return { claim, result: async () => processor.process(scopeOf(data), processContext({ claim })) }
}

describe('dedupe', () => {
  it('goes on with the first of its kind', async () => {
    const { claim, result } = run('mine', { email: 'ada@example.com' }, '30m')
    expect(await result()).toEqual({})
    expect(claim).toHaveBeenCalledExactlyOnceWith('ada@example.com', 30 * 60_000)
  })

  it('ends a second one', async () => {
    expect(await run('taken', { email: 'ada@example.com' }).result()).toEqual({ skip: 'duplicate' })
  })

  it('waits behind one that is not done', async () => {
    const error = await failureOf(run('wait', { email: 'ada@example.com' }).result)
    expect(error).toMatchObject({ kind: 'retryable', code: 'DEDUPE_WAIT' })
  })

  it('reaches a day unless told otherwise', async () => {
    const { claim, result } = run('mine', { email: 7 })
    await result()
    expect(claim).toHaveBeenCalledExactlyOnceWith('7', 24 * 3_600_000)
  })

  it.each([[{}], [{ email: null }], [{ email: '' }], [{ email: ['a'] }]])(
    'has nothing to compare by in %j, and does not make every such event a duplicate of the first',
    async data => {
      const { claim, result } = run('mine', data)
      expect(await failureOf(result)).toMatchObject({ kind: 'rejected', code: 'EXPRESSION_FAILED' })
      expect(claim).not.toHaveBeenCalled()
    },
  )
})
