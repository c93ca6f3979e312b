import { Type } from '@sinclair/typebox'
import type { HttpAnswer, HttpCall } from '../clients/http.ts'
import { PacedApi } from '../clients/paced-api.ts'
import { defineSink, Expr, ExprMap, Url } from '../config/definition.ts'
import { asSyncError, revised, SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import type { Delivery, Item, Plan } from './sink.ts'

/** @see https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
const PER_SECOND = 1
const TIMEOUT_MS = 10_000
/** @see https://docs.slack.dev/reference/block-kit/blocks */
const MOST_TITLE = 150
const MOST_TEXT = 3000
const MOST_FIELD = 2000
const FIELDS_PER_BLOCK = 10
const MOST_BLOCKS = 50

const PostConfig = Type.Object(
  {
    text: Expr({
      description:
        "The message. `*bold*`, `_italic_` and line ends are Slack's own; nothing in it can mention people or channels, or hide where a link leads.",
      result: 'string',
      examples: ["'*' + data.name + '* asks for a call'"],
    }),
    title: Type.Optional(Expr({ description: 'A heading above it.', result: 'string', examples: ["'New lead'"] })),
    fields: Type.Optional(
      ExprMap({
        description: 'Short facts below it, two in a row; what is absent is left out.',
        examples: [{ Company: 'data.company', Seats: 'data.seats' }],
      }),
    ),
    link: Type.Optional(
      Type.Object(
        {
          text: Expr({ description: 'What one sees.', result: 'string', examples: ["'Open in Twenty'"] }),
          url: Expr({
            description: 'Where it leads: `https://` or `http://`.',
            result: 'string',
            examples: ["'https://crm.example.com/object/person/' + person.id"],
          }),
        },
        { additionalProperties: false, description: 'A link at the end.' },
      ),
    ),
  },
  { additionalProperties: false },
)

interface PostArgs {
  readonly text: string
  readonly title?: string
  readonly fields?: Fields
  readonly link?: { readonly text: string; readonly url: string }
}

/** A webhook has no memory that we could ask: a message that may be there is not posted again. */
export default defineSink({
  type: 'slack',
  summary: 'Posts messages to a Slack channel, by an incoming webhook.',
  config: Type.Object(
    {
      webhook: Url({
        secret: true,
        description: 'The URL that Slack gives for the channel: Your app > Incoming Webhooks. Whoever has it can post.',
        examples: ['${SLACK_WEBHOOK_URL}'],
      }),
    },
    { additionalProperties: false },
  ),
  examples: [{ title: 'A channel', yaml: 'type: slack\nwebhook: "${SLACK_WEBHOOK_URL}"\n' }],
  actions: {
    post: {
      summary: 'Posts one message.',
      effect: 'blind',
      config: PostConfig,
      examples: [
        { title: 'A line', yaml: "via: sales-channel\ntext: \"'*' + data.name + '* asks for a call'\"\n" },
        {
          title: 'With a heading, facts and a link',
          yaml: 'via: sales-channel\ntitle: "\'New lead\'"\ntext: data.message\nfields: { Name: data.name, Company: data.?company }\nlink: { text: "\'Open in Twenty\'", url: "\'https://crm.example.com/object/person/\' + person.id" }\n',
        },
      ],
    },
  },
  create({ webhook }, { name, env, coordinator }) {
    const { clock, random } = env
    const http = { name, env, timeoutMs: TIMEOUT_MS }
    // P8: one message a second for a channel, whoever of us posts it.
    const api = new PacedApi({ http, coordinator, clock, random, concurrency: 1, limits: { perSecond: PER_SECOND } })
    const post = async ({ args, priority }: Item, signal: AbortSignal): Promise<Delivery> => {
      try {
        const call: HttpCall = { method: 'POST', url: webhook, json: messageOf(args as unknown as PostArgs) }
        await api.exchange(call, { priority, signal }, answer => judge(answer, api.errorOf(answer, call), name))
        return { status: 'delivered' }
      } catch (thrown) {
        return { status: 'failed', error: withoutAddress(asSyncError(thrown), webhook) }
      }
    }
    return {
      plan: async items => items.map(planOf),
      deliver: (plans, signal) => Promise.all(plans.map(({ item }) => post(item, signal))),
      status: () => api.status(),
    }
  },
})

function planOf(item: Item): Plan | SyncError {
  try {
    return { item, operation: 'send', after: messageOf(item.args as unknown as PostArgs) }
  } catch (thrown) {
    return asSyncError(thrown)
  }
}

/** Slack answers `ok`, or a word in plain text. */
function judge({ status, body }: HttpAnswer, error: SyncError, system: string): void {
  if (status >= 200 && status < 300) return
  const word = body.toString('utf8', 0, 100).trim()
  const message = `${system}: Slack answered ${status}${/^\w+$/.test(word) ? ` (${word})` : ''}`
  // No message will get past a webhook that was withdrawn, or a channel that was closed.
  if ([403, 404, 410].includes(status)) throw new SyncError('fatal', 'UNAUTHORIZED', message, { status })
  throw revised(error, { message })
}

/** P9: the path of the address is the credential. */
function withoutAddress(error: SyncError, webhook: string): SyncError {
  const { origin, href } = new URL(webhook)
  return revised(error, { message: error.message.replaceAll(href, origin).replaceAll(webhook, origin) })
}

function messageOf({ text, title, fields = {}, link }: PostArgs): Fields {
  const facts = Object.entries(fields).flatMap(([label, value]) => {
    if (value === undefined || value === null || value === '') return []
    return [mrkdwn(`*${fitted(label, MOST_FIELD / 4)}*\n${fitted(plain(value), MOST_FIELD / 2)}`)]
  })
  const blocks = [
    ...(title ? [{ type: 'header', text: { type: 'plain_text', text: fitted(title, MOST_TITLE, {}) } }] : []),
    ...(text ? [{ type: 'section', text: mrkdwn(fitted(text, MOST_TEXT)) }] : []),
    ...chunks(facts, FIELDS_PER_BLOCK).map(some => ({ type: 'section', fields: some })),
    ...(link ? [{ type: 'section', text: mrkdwn(linkTo(link)) }] : []),
  ]
  if (blocks.length === 0) throw bad('a message needs a `text`, and this one is empty')
  // Shown in notifications, and read out by screen readers.
  const notice = [title, text].filter(Boolean).join('\n') || 'See the message'
  return { text: fitted(notice, MOST_TEXT), blocks: blocks.slice(0, MOST_BLOCKS) }
}

function mrkdwn(text: string) {
  // `verbatim`: Slack looks for no names and addresses of its own accord.
  return { type: 'mrkdwn', text, verbatim: true }
}

function linkTo({ text, url }: NonNullable<PostArgs['link']>): string {
  const address = URL.canParse(url) ? new URL(url) : undefined
  if (address?.protocol !== 'https:' && address?.protocol !== 'http:') throw bad(`\`link.url\` is no web address`)
  const href = address!.href.replaceAll('|', '%7C').replaceAll('>', '%3E').replaceAll('<', '%3C')
  if (href.length > MOST_TEXT / 2) throw bad('`link.url` is too long')
  return `<${href.replaceAll('&', '&amp;')}|${fitted(text, MOST_TITLE)}>`
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Shortened to what a block takes; what would be markup of links and mentions is shown as it is. */
function fitted(text: string, most: number, escapes = ESCAPES): string {
  let shown = ''
  for (const character of text) {
    const next = escapes[character] ?? character
    if (shown.length + next.length > most - 1) return `${shown}…`
    shown += next
  }
  return shown
}

function plain(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size))
}

function bad(message: string): SyncError {
  return new SyncError('rejected', 'BAD_REQUEST_VALUE', message)
}
