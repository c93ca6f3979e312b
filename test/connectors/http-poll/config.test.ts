import { describe, expect, it } from 'vitest'
import { linesOf } from '../../config/support.ts'

/** What is said of a connector of these lines: they begin in line 4. */
function said(...lines: string[]): Promise<string[]> {
  const rest = ['url: https://warehouse.example.com/usage', ...lines].map(line => `    ${line}\n`).join('')
  return linesOf(
    `connectors:\n  usage:\n    type: http-poll\n${rest}flows:\n  f: { from: usage, steps: [{ filter: "true" }] }\n`,
  )
}

describe('the config of an http-poll', () => {
  it('is sound with a schedule or an interval', async () => {
    expect(await said('schedule: "0 6 * * 1-5"', 'timeZone: Europe/Berlin')).toEqual([])
    expect(await said('every: 15m', 'since: { parameter: after, value: response.next }')).toEqual([])
  })

  it('says when it runs, once', async () => {
    expect(await said()).toEqual([
      expect.stringContaining(
        'connectors.usage component: when does it run? `schedule` or `every` is missing => every: 15m',
      ),
    ])
    expect(await said('schedule: "0 6 * * *"', 'every: 15m')).toEqual([
      'c.yaml:6:12 connectors.usage.every component: `schedule` and `every` both say when it runs => one of them',
    ])
    expect(await said('every: 500ms')).toEqual([
      'c.yaml:5:12 connectors.usage.every component: 500ms is too often => 1s',
    ])
    expect(await said('every: 15m', 'timeZone: UTC')).toHaveLength(1)
  })

  it('has a schedule that is one', async () => {
    expect(await said('schedule: "0 0 6 * * 1-5"')).toEqual([
      'c.yaml:5:15 connectors.usage.schedule component: cron has five fields here (minute hour day month weekday), and these are 6 => 0 6 * * 1-5',
    ])
    expect(await said('schedule: "0 25 * * *"')).toEqual([expect.stringContaining('"0 25 * * *" is no cron pattern: ')])
    expect(await said('schedule: "0 0 31 2 *"')).toEqual([expect.stringContaining('"0 0 31 2 *" is never due')])
    expect(await said('schedule: "0 6 * * *"', 'timeZone: Europe/Berln')).toEqual([
      'c.yaml:6:15 connectors.usage.timeZone component: there is no time zone "Europe/Berln" => Europe/Berlin',
    ])
  })

  it('asks for what can be answered', async () => {
    expect(await said('every: 15m', 'request: { body: { a: 1 } }')).toEqual([
      expect.stringContaining('connectors.usage.request.body component: a GET carries no body => method: POST'),
    ])
    expect(await said('every: 15m', 'since: { parameter: after, value: "1 + 1" }')).toEqual([
      expect.stringContaining(
        'this reads neither `data`, an item, nor `response`, the whole answer => data.updated_at',
      ),
    ])
    expect(await said('every: 15m', 'since: { parameter: after, value: event.time }')).toHaveLength(1)
    expect(
      await said('every: 15m', 'page: { by: number, parameter: p }', 'since: { parameter: p, value: data.id }'),
    ).toHaveLength(1)
    expect(await said('every: 15m', 'repeat: true', 'idempotency: data.id')).toHaveLength(1)
  })

  it('keeps its secrets out, and its traffic closed', async () => {
    const oauth2 = (more: string) =>
      `auth: { oauth2: { tokenUrl: "${more}", clientId: me, clientSecret: "\${FORM_KEY}" } }`
    expect(await said('every: 15m', oauth2('https://login.example.com/token'))).toEqual([])
    expect(await said('every: 15m', oauth2('http://login.example.com/token'))).toEqual([
      expect.stringContaining('http://login.example.com has no TLS'),
    ])
    expect(await said('every: 15m', 'auth: { bearer: written-out }')).toEqual([
      expect.stringContaining('a secret is written out here'),
    ])
  })
})
