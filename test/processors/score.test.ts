import { describe, expect, it } from 'vitest'
import score from '../../src/processors/score.ts'
import { failureOf, processContext, scopeOf, stepContext } from './support.ts'

const rules = [
  { name: 'big company', when: 'data.employees > 200.0', points: 30 },
  { name: 'visits', when: 'data.visits > 0.0', points: 'data.visits * 0.1' },
  { name: 'free mail', when: 'isFreeMail(data.email)', points: -40 },
]

function scored(data: Record<string, unknown>, over: Partial<Parameters<typeof score.create>[0]> = {}) {
  const result = score.create({ rules, ...over }, stepContext).process(scopeOf(data), processContext())
  return (result as { result: unknown }).result
}

describe('score', () => {
  it('adds the points of the rules that are true, and says which gave how many', () => {
    expect(scored({ employees: 500, visits: 3, email: 'a@firm.example' })).toEqual({
      total: 30.3,
      band: null,
      rules: [
        { name: 'big company', points: 30 },
        { name: 'visits', points: 0.3 },
      ],
      reason: 'big company +30, visits +0.3',
    })
    expect(scored({ employees: 1, visits: 0, email: 'a@firm.example' })).toEqual({
      total: 0,
      band: null,
      rules: [],
      reason: '',
    })
  })

  it('stays between its limits, and the reason still says what was counted', () => {
    const low = scored({ employees: 1, visits: 0, email: 'a@gmail.com' }, { min: 0, max: 20 })
    expect(low).toMatchObject({ total: 0, reason: 'free mail -40' })
    expect(scored({ employees: 500, visits: 0, email: 'a@firm.example' }, { max: 20 })).toMatchObject({ total: 20 })
  })

  it('gives the highest band whose beginning is reached, whatever their order', () => {
    const bands = { cold: 0, hot: 30, warm: 10 }
    const band = (employees: number, visits: number) =>
      (scored({ employees, visits, email: 'a@firm.example' }, { bands }) as { band: string }).band
    expect([band(500, 0), band(1, 100), band(1, 99), band(1, 0)]).toEqual(['hot', 'warm', 'cold', 'cold'])
    expect(scored({ employees: 1, visits: 0, email: 'a@gmail.com' }, { bands })).toMatchObject({ band: null })
  })

  it('refuses points that are no number', async () => {
    const wrong = [{ name: 'label', when: 'true', points: 'data.email' }]
    const error = await failureOf(() => scored({ email: 'a@firm.example' }, { rules: wrong }))
    expect(error).toMatchObject({ kind: 'rejected', code: 'EXPRESSION_FAILED' })
    expect(error.message).toContain('"label"')
  })

  it('finds what cannot be meant when the config is loaded', () => {
    const twice = [...rules, { name: 'visits', when: 'true', points: 1 }]
    const faults = score.check!({ rules: twice, bands: { hot: 10, warm: 10 }, min: 5, max: 1 })
    expect(faults.map(({ path }) => path.join('.'))).toEqual(['rules.3.name', 'bands.warm', 'min'])
    expect(score.check!({ rules, bands: { hot: 10 }, min: 0, max: 100 })).toEqual([])
  })
})
