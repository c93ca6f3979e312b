import { describe, expect, it } from 'vitest'
import manual from '../../src/connectors/manual.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { linesOf } from '../config/support.ts'
import { createContext } from './webhook-support.ts'

function launch(config: Parameters<typeof manual.create>[0]) {
  return manual.create(config, { ...createContext('newsletter'), compile: source => compileExpression(source) })
}

describe('manual', () => {
  it('takes anything, or what its parameters say', () => {
    expect(launch({}).objects).toEqual(['received'])
    expect(launch({}).launch!.check({})).toBeUndefined()
    const strict = launch({ parameters: { required: ['view'], properties: { view: { type: 'string' } } } })
    expect(strict.launch!.check({ view: 'Subscribers' })).toBeUndefined()
    expect(() => strict.launch!.check({})).toThrow(
      expect.objectContaining({
        code: 'BAD_PARAMETERS',
        message: 'newsletter does not take these parameters: view is missing',
      }),
    )
    expect(() => strict.launch!.check({ view: 3 })).toThrow('view must be string')
  })

  it('keeps in order what has one key', () => {
    const { keyOf } = launch({ key: 'data.?email' }).launch!
    expect([keyOf({ email: 'ada@example.com' }), keyOf({}), keyOf({ email: '' })]).toEqual([
      'ada@example.com',
      undefined,
      undefined,
    ])
    expect(() => keyOf({ email: ['a'] })).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
  })

  it('says where a schema of its config is none, and knows its objects', async () => {
    const said = (connector: string, from: string) =>
      linesOf(`connectors:\n  news: ${connector}\nflows:\n  f: { from: ${from}, steps: [{ filter: "true" }] }\n`)
    expect(await said('{ type: manual }', 'news')).toEqual([])
    expect(await said('{ type: manual, objects: [person, company] }', 'news.company.received')).toEqual([])
    expect(await said('{ type: manual, objects: [person, company] }', 'news.compny')).toEqual([
      'c.yaml:4:14 flows.f.from source: "news" has no object "compny"; it has person, company => news.company',
    ])
    expect(await said('{ type: manual, parameters: { type: strnig } }', 'news')).toEqual([
      expect.stringMatching(/^c\.yaml:2:37 connectors\.news\.parameters component: /),
    ])
  })
})
