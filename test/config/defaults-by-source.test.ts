import { describe, expect, it } from 'vitest'
import { load } from './support.ts'

const config = (from: string, step: string) => `
systems:
  twenty: { type: twenty, url: "\${TWENTY_URL}", apiKey: "\${TWENTY_API_KEY}" }
connectors:
  form: { type: webhook, path: /hooks/form, verify: none }
  hand: { type: manual }
flows:
  leads:
    from: ${from}
    steps:
      - ${step}
`

const UPSERT = 'upsert: { object: person, match: emails.primaryEmail, values: { emails: data.email } }'
const BY_ID = 'update: { object: person, recordId: data.id, values: { jobTitle: data.title } }'
const BY_MATCH = 'update: { object: person, match: { emails: data.email }, values: { jobTitle: data.title } }'

describe('P7: what a step does to an existing record when the config does not say it', () => {
  it.each([
    ['a webhook fills what is empty', 'form', UPSERT, 'fill-empty'],
    ['so does one among other sources', '[hand, form]', UPSERT, 'fill-empty'],
    ['an update by a match, too', 'form', BY_MATCH, 'fill-empty'],
    ['whoever knows the id may change the record', 'form', BY_ID, undefined],
    ['other sources overwrite', 'hand', UPSERT, undefined],
    ['Twenty itself, too', 'twenty.person.created', UPSERT, undefined],
    ['what the config says, counts', 'form', UPSERT.replace('match:', 'onMatch: overwrite, match:'), 'overwrite'],
  ])('%s', async (_, from, step, expected) => {
    const { config: loaded } = await load(config(from, step))
    expect(loaded.flows.get('leads')!.steps[0]!.config.onMatch).toBe(expected)
  })
})
