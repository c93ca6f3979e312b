import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isolate } from '../../src/clients/isolate.ts'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import { claimsOf } from '../../src/sinks/twenty/claims.ts'
import { item } from '../support/twenty-bench.ts'

describe('a batch with bad items', () => {
  /** Refuses calls with a bad item as a whole, like a batch create; a broken call fails for another reason. */
  function server(bad: ReadonlySet<number>, brokenCall = -1) {
    const applied: number[] = []
    let calls = 0
    return {
      applied,
      get calls() {
        return calls
      },
      send: async (items: readonly number[]) => {
        if (calls++ === brokenCall) throw new SyncError('retryable', 'TIMEOUT', 'lost', { outcomeUnknown: true })
        const found = items.find(each => bad.has(each))
        if (found !== undefined) throw new SyncError('rejected', 'TWENTY_REFUSED', `bad ${found}`)
        applied.push(...items)
        return items.map(each => `ok ${each}`)
      },
    }
  }
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

  it('no item suffers where none is bad, but all together are too many', async () => {
    for (const most of [1, 7, 30, 59]) {
      const send = async (items: readonly number[]) => {
        if (items.length > most) throw new SyncError('rejected', 'REQUEST_REFUSED', 'too many')
        return items
      }
      expect(await isolate(numbers(60), send, { asksAlone: true })).toEqual(numbers(60))
    }
  })

  it('one bad item of 60 costs at most 7 calls more, wherever it is, and keeps its own message', async () => {
    for (const bad of numbers(60)) {
      const there = server(new Set([bad]))
      const outcomes = await isolate(numbers(60), there.send)
      expect(outcomes.map(String)).toEqual(numbers(60).map(at => (at === bad ? `SyncError: bad ${bad}` : `ok ${at}`)))
      expect(there.calls).toBeLessThanOrEqual(1 + 7)
    }
  })

  it('every good item is applied once, every bad one fails, at a bounded cost', async () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.uniqueArray(fc.nat(59)))
    await fc.assert(
      fc.asyncProperty(cases, async ([count, chosen]) => {
        const bad = new Set(chosen.filter(at => at < count))
        const there = server(bad)
        const outcomes = await isolate(numbers(count), there.send)
        expect(outcomes.map(each => each instanceof SyncError)).toEqual(numbers(count).map(at => bad.has(at)))
        expect(there.applied.toSorted((a, b) => a - b)).toEqual(numbers(count).filter(at => !bad.has(at)))
        expect(there.calls).toBeLessThanOrEqual(
          1 + (bad.size <= 1 ? 7 * bad.size : Math.min(8 * bad.size, 2 * count + 7)),
        )
      }),
    )
  })

  it('a call that fails for another reason ends it: what was not tried fails with that', async () => {
    const cases = fc.tuple(fc.uniqueArray(fc.nat(59), { maxLength: 5 }), fc.nat(12))
    await fc.assert(
      fc.asyncProperty(cases, async ([chosen, brokenCall]) => {
        const there = server(new Set(chosen), brokenCall)
        const outcomes = await isolate(numbers(60), there.send)
        expect(outcomes).toHaveLength(60)
        outcomes.forEach((outcome, at) => {
          if (!(outcome instanceof SyncError)) expect(there.applied).toContain(at)
          else if (outcome.kind === 'rejected') expect(chosen).toContain(at)
          else expect(there.applied).not.toContain(at)
        })
      }),
    )
  })
})

describe('claims', () => {
  const claims = (action: string, args: Fields) => claimsOf(item(action, args))

  it('one record has one name, however its key is written', () => {
    const forms: Fields[] = [
      { match: 'emails.primaryEmail', values: { emails: { primaryEmail: ' Ada@Example.com' } } },
      { match: 'emails', values: { emails: 'ada@example.com' } },
      { match: ['emails'], values: { 'emails.primaryEmail': 'ADA@example.com' } },
      { match: { 'emails.primaryEmail': 'ada@example.com' } },
    ]
    for (const form of forms)
      expect(claims('upsert', { object: 'person', ...form })).toEqual(['person/emails/ada@example.com'])
    const domains = ['https://www.Acme.com/about', 'acme.com', { primaryLinkUrl: 'ACME.com.' }]
    for (const domainName of domains) {
      expect(claims('create', { object: 'company', match: 'domainName', values: { domainName } })).toEqual([
        'company/domainName/acme.com',
      ])
    }
  })

  it('several keys are several names; keys that must all hold are one, in any order', () => {
    const values = { emails: 'a@x.com', linkedinLink: 'https://linkedin.com/in/a/' }
    expect(claims('upsert', { object: 'person', match: ['emails', 'linkedinLink'], values })).toEqual([
      'person/emails/a@x.com',
      'person/linkedinLink/https://linkedin.com/in/a',
    ])
    const one = claims('upsert', { object: 'opportunity', match: { name: 'Deal', companyId: 'c' } })
    expect(one).toEqual(['opportunity/companyId+name/c+deal'])
    expect(claims('upsert', { object: 'opportunity', match: { companyId: 'c', name: 'Deal' } })).toEqual(one)
  })

  it('nothing is claimed where nothing can be created by key', () => {
    expect(claims('create', { object: 'task', values: { title: 'x' } })).toEqual([])
    expect(claims('update', { object: 'person', match: 'emails', values: { emails: 'a@x.com' } })).toEqual([])
    expect(claims('upsert', { object: 'person', match: 'emails', values: {} })).toEqual([])
    expect(claims('find', { object: 'person', recordId: 'x' })).toEqual([])
  })
})
