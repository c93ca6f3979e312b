import { describe, expect, it } from 'vitest'
import type { HttpRequest, HttpResponse } from '../../src/environment.ts'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import type { Delivery, Item, Plan, Sink } from '../../src/sinks/sink.ts'
import slack from '../../src/sinks/slack.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { FlowBench } from '../support/flow-bench.ts'

const WEBHOOK = 'https://hooks.slack.example.com/services/T000/B000/canary-token'
const never = new AbortController().signal

interface Block {
  readonly type: string
  readonly text?: { readonly text: string }
  readonly fields?: readonly { readonly text: string }[]
}

type Answer = Partial<Pick<HttpResponse, 'status' | 'headers'>> & { readonly word?: string }

/** A channel that says `ok` unless a test says otherwise. */
function channel(answer: () => Answer | SyncError = () => ({})) {
  const bench = new FlowBench()
  const posted: { text: string; blocks: Block[] }[] = []
  const times: number[] = []
  const env = {
    ...bench.env,
    http: async ({ method, url, body }: HttpRequest): Promise<HttpResponse> => {
      expect([method, url]).toEqual(['POST', WEBHOOK])
      posted.push(JSON.parse(String(body)))
      times.push(bench.clock.now())
      const answered = answer()
      if (answered instanceof SyncError) throw answered
      const { status = 200, headers = {}, word = 'ok' } = answered
      return { status, headers, body: Buffer.from(word) }
    },
  }
  const coordinator = localCoordinator({ clock: bench.clock })
  const context = {
    name: 'sales',
    env,
    coordinator,
    state: bench.state,
    compile: undefined as never,
    client: undefined,
  }
  return { sink: slack.create({ webhook: WEBHOOK }, context), posted, times, clock: bench.clock }
}

function planOf(args: Fields): Plan {
  const item: Item = {
    action: 'post',
    args,
    key: 'leads/post-sales/e1',
    id: 'uuid',
    time: '2026-11-24T10:00:00.000Z',
    outcomeUnknown: false,
    priority: 'live',
  }
  return { item, operation: 'send' }
}

async function post(sink: Sink, args: Fields): Promise<Delivery> {
  const [delivery] = await sink.deliver([planOf(args)], never)
  return delivery!
}

async function failure(answer: Answer | SyncError): Promise<SyncError> {
  const delivery = await post(channel(() => answer).sink, { text: 'x' })
  if (delivery.status !== 'failed') throw new Error(`it was ${delivery.status}`)
  return delivery.error
}

/** The blocks of a message. */
async function blocksOf(args: Fields): Promise<Block[]> {
  const { sink, posted } = channel()
  expect(await post(sink, args)).toEqual({ status: 'delivered' })
  return posted[0]!.blocks
}

describe('a message', () => {
  it('has a heading, a text, facts and a link', async () => {
    const { sink, posted } = channel()
    const fields = { Company: 'Analytical Engines', Seats: 12, None: null, Empty: '' }
    await post(sink, {
      title: 'New lead',
      text: '*Ada* asks',
      fields,
      link: { text: 'Open <it>', url: 'https://crm.example.com/p/1?a=1&b=|x' },
    })
    expect(posted).toEqual([
      {
        text: 'New lead\n*Ada* asks',
        blocks: [
          { type: 'header', text: { type: 'plain_text', text: 'New lead' } },
          { type: 'section', text: { type: 'mrkdwn', text: '*Ada* asks', verbatim: true } },
          {
            type: 'section',
            fields: [
              { type: 'mrkdwn', text: '*Company*\nAnalytical Engines', verbatim: true },
              { type: 'mrkdwn', text: '*Seats*\n12', verbatim: true },
            ],
          },
          {
            type: 'section',
            text: {
              type: 'mrkdwn',
              text: '<https://crm.example.com/p/1?a=1&amp;b=%7Cx|Open &lt;it&gt;>',
              verbatim: true,
            },
          },
        ],
      },
    ])
  })

  it('mentions nobody and leads nowhere, whatever stands in the data', async () => {
    const { sink, posted } = channel()
    const evil = '<!channel> <@U1> <https://evil.example|bank> & co'
    const shown = '&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|bank&gt; &amp; co'
    await post(sink, { text: evil, fields: { Name: evil } })
    expect(posted[0]!.text).toBe(shown)
    expect(posted[0]!.blocks.map(({ text, fields }) => text ?? fields?.[0])).toMatchObject([
      { text: shown },
      { text: `*Name*\n${shown}` },
    ])
  })

  it('is cut to what Slack takes, never within a character', async () => {
    const many = Object.fromEntries(Array.from({ length: 23 }, (_, n) => [`f${n}`, '<'.repeat(3000)]))
    const [header, section, ...rest] = await blocksOf({
      title: '🦊'.repeat(200),
      text: '&'.repeat(5000),
      fields: many,
    })
    expect(header!.text!.text).toMatch(/^(🦊){74}…$/u)
    expect(section!.text!.text).toMatch(/^(&amp;)+…$/)
    expect(section!.text!.text.length).toBeLessThanOrEqual(3000)
    expect(rest.map(({ fields }) => fields!.length)).toEqual([10, 10, 3])
    for (const { text } of rest.flatMap(({ fields }) => fields!)) expect(text.length).toBeLessThanOrEqual(2000)
  })

  it.each<[string, Fields]>([
    ['without anything to say', { text: '' }],
    ['with a link that runs a script', { text: 'x', link: { text: 'x', url: 'javascript:alert(1)' } }],
    ['with a link that is none', { text: 'x', link: { text: 'x', url: 'crm.example.com' } }],
  ])('%s is not posted', async (_name, args) => {
    const { sink, posted } = channel()
    const [plan] = await sink.plan([planOf(args).item], never)
    expect(plan).toMatchObject({ kind: 'rejected', code: 'BAD_REQUEST_VALUE' })
    expect(await post(sink, args)).toMatchObject({ status: 'failed', error: { kind: 'rejected' } })
    expect(posted).toEqual([])
  })

  it('is shown by a dry run as it would be', async () => {
    const { sink, posted } = channel()
    const [plan] = await sink.plan([planOf({ text: 'a' }).item], never)
    expect(plan).toMatchObject({ operation: 'send', after: { text: 'a', blocks: [{ type: 'section' }] } })
    expect(posted).toEqual([])
  })
})

describe('an answer of Slack', () => {
  it.each([
    [400, 'invalid_payload', 'rejected', 'REQUEST_REFUSED', false],
    [403, 'action_prohibited', 'fatal', 'UNAUTHORIZED', false],
    [404, 'no_service', 'fatal', 'UNAUTHORIZED', false],
    [410, 'channel_is_archived', 'fatal', 'UNAUTHORIZED', false],
    [429, '', 'retryable', 'RATE_LIMITED', false],
    [500, 'rollup_error', 'retryable', 'SERVER_ERROR', true],
  ])('%i %s', async (status, word, kind, code, outcomeUnknown) => {
    const error = await failure({ status, word })
    expect(error).toMatchObject({ kind, code, outcomeUnknown, status })
    expect(error.message).toContain(word)
  })

  it('P9: never brings the address of the webhook into an error', async () => {
    const lost = new SyncError('retryable', 'CONNECTION_LOST', `POST ${WEBHOOK}: no answer`, { outcomeUnknown: true })
    for (const answer of [lost, { status: 404, word: 'no_service' }]) {
      const error = await failure(answer)
      expect(`${error.message} ${JSON.stringify(error)} ${error.cause}`).not.toContain('canary')
    }
    expect(await failure(lost)).toMatchObject({ code: 'CONNECTION_LOST', outcomeUnknown: true })
  })

  it('P8: a message a second goes to the channel', async () => {
    const { sink, times, clock } = channel()
    const all = Promise.all(['1', '2', '3', '4'].map(text => post(sink, { text })))
    await clock.advance(10_000)
    await all
    for (const [at, time] of times.slice(1).entries()) expect(time - times[at]!).toBeGreaterThanOrEqual(1000)
  })

  it('P8: none goes there while Slack wants to be left alone', async () => {
    const { sink, posted, clock } = channel(() =>
      posted.length === 1 ? { status: 429, headers: { 'retry-after': '30' } } : {},
    )
    expect(await post(sink, { text: 'refused' })).toMatchObject({ error: { retryAfterMs: 30_000 } })
    const rest = Promise.all(['1', '2', '3'].map(text => post(sink, { text })))
    await clock.advance(29_000)
    expect(posted).toHaveLength(1)
    await clock.advance(60_000)
    expect((await rest).every(({ status }) => status === 'delivered')).toBe(true)
    expect(posted.map(({ text }) => text)).toEqual(['refused', '1', '2', '3'])
  })
})
