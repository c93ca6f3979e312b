import { type Static, Type } from '@sinclair/typebox'
import { Auth, HEADER_NAME } from '../../clients/http-auth.ts'
import { Limits } from '../../clients/rest/config.ts'
import { PageConfig } from '../../clients/rest/page-config.ts'
import { Path, Query } from '../../clients/rest/schema.ts'
import { type ConfigFault, Duration, durationMs, Expr, Url } from '../../config/definition.ts'
import { RECEIVED } from '../../event.ts'
import { nearest } from '../../nearest.ts'
import { cronFault, isTimeZone } from '../../schedule.ts'

const Request = Type.Object(
  {
    method: Type.Optional(
      Type.Union([Type.Literal('GET'), Type.Literal('POST')], {
        description: 'POST where the API takes its question in a body; it must only read.',
        default: 'GET',
      }),
    ),
    query: Query,
    headers: Type.Optional(
      Type.Record(Type.String({ pattern: HEADER_NAME }), Type.String({ description: 'Value of the header.' }), {
        additionalProperties: false,
        description: 'Sent with every call. Nothing secret: that belongs in `auth`.',
        examples: [{ 'x-api-version': '3' }],
      }),
    ),
    body: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Sent as JSON with every call of a POST, as it stands here.',
        examples: [{ metric: 'active_users' }],
      }),
    ),
  },
  { additionalProperties: false, description: 'What every page is asked for with.' },
)

const Since = Type.Object(
  {
    parameter: Type.String({
      minLength: 1,
      description: 'Query parameter that leaves out what is older.',
      examples: ['updated_since'],
    }),
    value: Expr({
      description:
        'Up to where a run has read. Over `data`: read from each item, and the latest is kept. Over `response`, the whole answer: that of the last page is kept. It moves on when a run is complete.',
      scope: ['data', 'response'],
      examples: ['data.updated_at', 'response.meta.next_since'],
    }),
    start: Type.Optional(
      Type.Union([Type.String(), Type.Number()], {
        description: 'What the first run asks from on. Default: the first run goes without the parameter.',
        examples: ['2026-01-01T00:00:00Z', 0],
      }),
    ),
    overlap: Type.Optional(
      Duration({
        description: 'How far a run looks back behind that, where it is a time: for what the API shows late.',
        default: '0s',
        examples: ['5m'],
      }),
    ),
  },
  { additionalProperties: false, description: 'Asks only for what is new since the last complete run.' },
)

export const HttpPollConfig = Type.Object(
  {
    url: Url({
      description: 'The whole address of the list.',
      examples: ['https://warehouse.example.com/v1/usage'],
    }),
    schedule: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'When a run begins, as cron with five fields: minute, hour, day of the month, month, day of the week. A run that was due while no daemon ran is made up for once at the next start. A run that is still going when the next one is due goes on, and that one is left out.',
        examples: ['0 6 * * 1-5', '*/15 * * * *'],
      }),
    ),
    timeZone: Type.Optional(
      Type.String({
        description:
          'Whose clock `schedule` goes by. What falls into the hour that is left out in spring runs right after it; what falls into the hour that comes twice runs once. Default: UTC.',
        examples: ['Europe/Berlin'],
      }),
    ),
    every: Type.Optional(
      Duration({
        description:
          'In place of `schedule`: the time from the start of a run to the start of the next. The first one comes at once.',
        examples: ['15m'],
      }),
    ),
    request: Type.Optional(Request),
    auth: Type.Optional(Auth),
    timeout: Type.Optional(
      Duration({ description: 'Longest wait for one whole page.', default: '30s', examples: ['2m'] }),
    ),
    limits: Type.Optional(Limits),
    insecure: Type.Optional(
      Type.Boolean({ description: 'Allows `http://` to another machine. Said again at start-up.', default: false }),
    ),
    items: Type.Optional(Path('Path in the answer to the items. Default: the answer is the list.', 'data')),
    page: Type.Optional(PageConfig),
    since: Type.Optional(Since),
    object: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z][A-Za-z0-9_-]*$',
        description:
          'What an item is; part of the topic, and events are of type `<object>.received`. Without it they are of type `<connector>.received`.',
        default: RECEIVED,
        examples: ['usage'],
      }),
    ),
    key: Type.Optional(
      Expr({
        description:
          'What an item is called, the same in every run. An item that says what it said before gives no event; one that changed gives one with the names of the changed fields, after the earlier ones of its key. Without it items are told apart by their whole content, which gives an event once.',
        scope: ['data'],
        examples: ['data.accountId'],
      }),
    ),
    updated: Type.Optional(
      Expr({
        description:
          'When the item last changed, by the API: RFC 3339, or seconds or milliseconds since 1970. Default: the start of the run.',
        scope: ['data'],
        examples: ['data.updated_at'],
      }),
    ),
    idempotency: Type.Optional(
      Expr({
        description:
          'What two readings of one event have in common, where that is not the content: items that never change, or of which several share a `key`. Then nothing is remembered of earlier runs.',
        scope: ['data'],
        examples: ["data.accountId + '/' + data.day"],
      }),
    ),
    repeat: Type.Optional(
      Type.Boolean({
        description: 'Every run gives an event for every item, changed or not.',
        default: false,
      }),
    ),
  },
  { additionalProperties: false },
)

export type HttpPollConfig = Static<typeof HttpPollConfig>

/** What the schema cannot say. */
export function httpPollFaults(config: HttpPollConfig): ConfigFault[] {
  return [...timeFaults(config), ...requestFaults(config)]
}

function timeFaults({ schedule, timeZone, every }: HttpPollConfig): ConfigFault[] {
  if (schedule === undefined && every === undefined) {
    return [{ path: [], message: 'when does it run? `schedule` or `every` is missing', suggestion: 'every: 15m' }]
  }
  if (schedule !== undefined && every !== undefined) {
    return [{ path: ['every'], message: '`schedule` and `every` both say when it runs', suggestion: 'one of them' }]
  }
  if (every !== undefined) {
    const faults: ConfigFault[] = []
    if (durationMs(every) < 1000) faults.push({ path: ['every'], message: `${every} is too often`, suggestion: '1s' })
    if (timeZone !== undefined) {
      faults.push({ path: ['timeZone'], message: '`every` goes by no clock', suggestion: 'leave `timeZone` out' })
    }
    return faults
  }
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    const suggestion = nearest(timeZone, Intl.supportedValuesOf('timeZone')) ?? 'a name like Europe/Berlin'
    return [{ path: ['timeZone'], message: `there is no time zone "${timeZone}"`, suggestion }]
  }
  return cronFaults(schedule!)
}

function cronFaults(schedule: string): ConfigFault[] {
  const path = ['schedule']
  const fields = schedule.trim().split(/\s+/)
  if (!schedule.startsWith('@') && fields.length !== 5) {
    const message = `cron has five fields here (minute hour day month weekday), and these are ${fields.length}`
    return [{ path, message, suggestion: fields.length === 6 ? fields.slice(1).join(' ') : '0 6 * * 1-5' }]
  }
  const fault = cronFault(schedule)
  if (fault === undefined) return []
  if (fault === 'never') return [{ path, message: `"${schedule}" is never due`, suggestion: '0 6 * * 1-5' }]
  return [{ path, message: `"${schedule}" is no cron pattern: ${fault.message}`, suggestion: '0 6 * * 1-5' }]
}

function requestFaults({ request, since, idempotency, repeat, page }: HttpPollConfig): ConfigFault[] {
  const faults: ConfigFault[] = []
  if (request?.body !== undefined && request.method !== 'POST') {
    faults.push({ path: ['request', 'body'], message: 'a GET carries no body', suggestion: 'method: POST' })
  }
  if (since && !/\b(data|response)\b/.test(since.value)) {
    const message = 'this reads neither `data`, an item, nor `response`, the whole answer'
    faults.push({ path: ['since', 'value'], message, suggestion: 'data.updated_at' })
  }
  if (since && page && 'parameter' in page && page.parameter === since.parameter) {
    const message = `\`page\` has a parameter "${since.parameter}" too`
    faults.push({ path: ['since', 'parameter'], message })
  }
  if (repeat && idempotency !== undefined) {
    const message = '`repeat` wants an event in every run, and `idempotency` one event for all runs'
    faults.push({ path: ['repeat'], message, suggestion: 'one of them' })
  }
  return faults
}
