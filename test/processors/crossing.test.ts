import { describe, expect, it } from 'vitest'
import crossing from '../../src/processors/crossing.ts'
import type { ProcessContext } from '../../src/processors/processor.ts'
import { failureOf, processContext, scopeOf, stepContext } from './support.ts'

type Settings = Parameters<typeof crossing.create>[0]

/** What it answers to values that come one after the other. */
async function answers(settings: Partial<Settings>, values: unknown[]): Promise<unknown[]> {
  const memory = new Map<string, unknown>()
  const recall: ProcessContext['recall'] = async (key, judge) => {
    const judged = judge(memory.get(key) as never, false)
    if (judged.memory !== undefined) memory.set(key, judged.memory)
    return judged.answer
  }
  const step = crossing.create({ value: 'data.?usage', by: 'data.company', ...settings }, stepContext)
  const results: unknown[] = []
  for (const usage of values) {
    const scope = scopeOf({ company: 'a', ...(usage !== undefined && { usage }) })
    results.push(((await step.process(scope, processContext({ recall }))) as { result: unknown }).result)
  }
  return results
}

describe('crossing', () => {
  it('is true once when the value falls below the line, and again after it was back', async () => {
    expect(await answers({ below: 100 }, [150, 99, 50, 100, 99])).toEqual([false, true, false, false, true])
  })

  it('is true once when the value rises above the line', async () => {
    expect(await answers({ above: 80 }, [80, 81, 90, 80, 81])).toEqual([false, true, false, false, true])
  })

  it('takes no notice of a value that hovers around the line, when told where it is back', async () => {
    expect(await answers({ below: 100, clear: 120 }, [150, 99, 110, 99, 120, 99])).toEqual([
      false,
      true,
      false,
      false,
      false,
      true,
    ])
    expect(await answers({ above: 80, clear: 60 }, [90, 70, 90, 60, 90])).toEqual([true, false, false, false, true])
  })

  it('counts a first sight beyond the line, unless told otherwise', async () => {
    expect(await answers({ below: 100 }, [50, 40])).toEqual([true, false])
    expect(await answers({ below: 100, first: false }, [50, 40, 150, 40])).toEqual([false, false, false, true])
  })

  it('learns nothing from a value that is not there', async () => {
    expect(await answers({ below: 100 }, [150, null, undefined, 99])).toEqual([false, false, false, true])
  })

  it('answers a late event with false and remembers nothing of it', async () => {
    const step = crossing.create({ value: 'data.usage', by: 'data.company', below: 100 }, stepContext)
    const recall: ProcessContext['recall'] = async (_key, judge) => {
      expect(judge(undefined, true)).toEqual({ answer: false })
      return false
    }
    await step.process(scopeOf({ company: 'a', usage: 1 }), processContext({ recall }))
  })

  it.each([[{ usage: '50', company: 'a' }], [{ usage: 50, company: null }], [{ usage: 50, company: '' }]])(
    'refuses %j',
    async data => {
      const step = crossing.create({ value: 'data.usage', by: 'data.company', below: 100 }, stepContext)
      const error = await failureOf(() => step.process(scopeOf(data), processContext({ recall: async () => false })))
      expect(error).toMatchObject({ kind: 'rejected', code: 'EXPRESSION_FAILED' })
    },
  )

  it('finds what cannot be meant when the config is loaded', () => {
    const faults = (over: Partial<Settings>) => crossing.check!({ value: 'data.a', by: 'data.b', ...over }).length
    expect([
      faults({}),
      faults({ below: 1, above: 2 }),
      faults({ below: 1, clear: 0 }),
      faults({ above: 1, clear: 2 }),
    ]).toEqual([1, 1, 1, 1])
    expect([faults({ below: 1, clear: 2 }), faults({ above: 2, clear: 1 }), faults({ below: 1 })]).toEqual([0, 0, 0])
  })
})
