import { describe, expect, it } from 'vitest'
import type { ConfigError } from '../../src/config/config.ts'
import { load } from './support.ts'

async function problemsOf(text: string) {
  return load(text).then(
    () => [],
    (error: ConfigError) => error.problems,
  )
}

function flow(...steps: string[]): string {
  return [
    'connectors:',
    '  form: { type: webhook, path: /hooks/form, verify: none }',
    'flows:',
    '  leads:',
    '    from: form',
    '    steps:',
    ...steps.map(step => `      ${step}`),
    '',
  ].join('\n')
}

describe('what only a processor can judge', () => {
  it('a JSON Schema that is none is found where it is written', async () => {
    const text = flow('- validate:', '    on: data', '    schema: { type: strnig }')
    expect(await problemsOf(text)).toMatchObject([
      { line: 9, path: 'flows.leads.steps[0].validate.schema', rule: 'component' },
    ])
  })

  it('a sound one is not', async () => {
    expect(await problemsOf(flow('- validate: { schema: { required: [email] } }'))).toEqual([])
  })

  it('it is not asked about a config that does not fit its schema', async () => {
    expect(await problemsOf(flow('- validate: { schema: 5 }'))).toMatchObject([{ rule: 'type' }])
  })
})
