import { describe, expect, it } from 'vitest'
import { expressionFunctions } from '../../src/expressions/describe.ts'

describe('what the reference says of functions', () => {
  const { own, added } = expressionFunctions()

  it('every function that was added is described', () => {
    expect(added.length).toBeGreaterThan(10)
    expect(added.filter(({ description }) => !description)).toEqual([])
  })

  it('CEL has kept its own, and nothing inner shows', () => {
    const signatures = [...own, ...added].map(({ signature }) => signature)
    expect(signatures).toContain('string.matches(string): bool')
    expect(signatures.filter(signature => /capture|Namespace\)|google/.test(signature))).toEqual([])
  })
})
