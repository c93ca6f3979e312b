import { createHash, randomUUID } from 'node:crypto'
import { type ApiFaults, type ApiOptions, pageOf, refusal, type SandboxApi, startSandboxApi } from '../http/api.ts'
import { countDown } from '../http/server.ts'

export interface Subscriber {
  readonly id: string
  readonly audience: string
  readonly email: string
  readonly status: 'subscribed' | 'unsubscribed'
  readonly fields: Readonly<Record<string, unknown>>
  readonly tags: readonly string[]
}

export interface Campaign {
  readonly id: string
  readonly name: string
  readonly audience: string
  readonly status: 'draft'
}

interface Stores {
  readonly [kind: string]: Map<string, unknown>
  /** By `audience/address`, the address in small letters. */
  readonly subscribers: Map<string, Subscriber>
  /** By id. */
  readonly campaigns: Map<string, Campaign>
}

interface Switches {
  /** The next n members of batches fail as `temporarily_unavailable`; the others go through. */
  failItemsNext: number
  /** Share of members of batches, 0 to 1, that fail so. */
  failItemRate: number
  /** Addresses of this domain fail as `invalid_email`: no mail arrives there. */
  deadDomain: string
  /** Most members of a batch. */
  batchLimit: number
}

export type SandboxNewsletter = SandboxApi<Stores, Switches>

/** One member's answer, in the order of the batch. */
export interface BatchResult {
  readonly email: string
  readonly status: 'added' | 'updated' | 'failed'
  readonly id?: string
  readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean }
}

/**
 * A typical email-marketing API behind a bearer token:
 * - `GET /v1/account`
 * - `POST /v1/audiences/{audience}/subscribers/batch` with `{ subscribers: [{ email, fields?, tags? }] }`, at most 500, else 413:
 *   200 with `{ added, updated, failed, results }`. Each member is added or updated by its address. One that has
 *   unsubscribed fails with `unsubscribed`: only they themselves can come back
 * - `GET /v1/audiences/{audience}/subscribers?status=&cursor=&limit=`: `{ data, next_cursor }`
 * - `PATCH /v1/audiences/{audience}/subscribers/{email}` with `{ status }`: what the link in a mail does
 * - `POST /v1/campaigns` with `{ name, audience }`: 201; keeps `Idempotency-Key`
 */
export function startSandboxNewsletter(options: ApiOptions<Switches> = {}): Promise<SandboxNewsletter> {
  const random = options.random ?? Math.random
  return startSandboxApi<Stores, Switches>(
    {
      switches: { failItemsNext: 0, failItemRate: 0, deadDomain: '', batchLimit: 500 },
      stores: () => ({ subscribers: new Map(), campaigns: new Map() }),
      routes: ({ subscribers, campaigns }, faults) => ({
        'GET /v1/account': () => ({ body: { name: 'sandbox', batchLimit: faults.batchLimit } }),
        'POST /v1/audiences/{audience}/subscribers/batch': ({ params, body }) => {
          const members = Array.isArray(body.subscribers) ? body.subscribers : undefined
          if (!members) return refusal(422, 'invalid_body', '`subscribers` is not a list.')
          if (members.length > faults.batchLimit)
            return refusal(413, 'batch_too_large', `At most ${faults.batchLimit} at a time.`)
          const results = members.map(member => put(subscribers, params.audience!, member, faults, random))
          const count = (status: BatchResult['status']) => results.filter(each => each.status === status).length
          return { body: { added: count('added'), updated: count('updated'), failed: count('failed'), results } }
        },
        'GET /v1/audiences/{audience}/subscribers': ({ params, query }) => {
          const status = query.get('status')
          const rows = [...subscribers.values()].filter(
            each => each.audience === params.audience && (status === null || each.status === status),
          )
          return { body: pageOf(rows, query, 1000) }
        },
        'PATCH /v1/audiences/{audience}/subscribers/{email}': ({ params, body }) => {
          const key = keyOf(params.audience!, params.email!)
          const known = subscribers.get(key)
          if (!known) return refusal(404, 'not_found', 'There is no such subscriber.')
          if (body.status !== 'subscribed' && body.status !== 'unsubscribed')
            return refusal(422, 'invalid_status', '`status` is subscribed or unsubscribed.')
          const changed: Subscriber = { ...known, status: body.status }
          subscribers.set(key, changed)
          return { body: changed }
        },
        'POST /v1/campaigns': ({ body }) => {
          const { name, audience } = body
          if (typeof name !== 'string' || typeof audience !== 'string')
            return refusal(422, 'invalid_body', 'Give `name` and `audience`.')
          const campaign: Campaign = { id: randomUUID(), name, audience, status: 'draft' }
          campaigns.set(campaign.id, campaign)
          return { status: 201, body: campaign }
        },
      }),
    },
    options,
  )
}

function put(
  subscribers: Map<string, Subscriber>,
  audience: string,
  member: Readonly<Record<string, unknown>>,
  faults: ApiFaults<Switches>,
  random: () => number,
): BatchResult {
  const email = String(member?.email ?? '')
  const failed = (code: string, message: string, retryable = false): BatchResult => ({
    email,
    status: 'failed',
    error: { code, message, retryable },
  })
  if (!/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)) return failed('invalid_email', 'This is no address.')
  if (email.endsWith(`@${faults.deadDomain}`)) return failed('invalid_email', 'Nobody takes mail there.')
  if (countDown<'failItemsNext'>(faults, 'failItemsNext') || random() < faults.failItemRate)
    return failed('temporarily_unavailable', 'Try this one again.', true)
  const key = keyOf(audience, email)
  const known = subscribers.get(key)
  if (known?.status === 'unsubscribed') return failed('unsubscribed', 'They have unsubscribed.')
  const id = known?.id ?? createHash('sha256').update(key).digest('hex').slice(0, 20)
  const fields = { ...known?.fields, ...(member.fields as object | undefined) }
  const tags = [...new Set([...(known?.tags ?? []), ...((member.tags as string[] | undefined) ?? [])])]
  subscribers.set(key, { id, audience, email, status: 'subscribed', fields, tags })
  return { email, status: known ? 'updated' : 'added', id }
}

function keyOf(audience: string, email: string): string {
  return `${audience}/${email.toLowerCase()}`
}
