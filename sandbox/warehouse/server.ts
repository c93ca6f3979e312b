import { randomUUID } from 'node:crypto'
import { type ApiOptions, type Ask, pageOf, refusal, type SandboxApi, startSandboxApi } from '../http/api.ts'
import type { SandboxHttpAnswer, SandboxHttpCall } from '../http/server.ts'

export interface Usage {
  readonly account_id: string
  /** null where the account has none. */
  readonly domain: string | null
  /** `2026-11` */
  readonly month: string
  readonly active_users: number
  readonly events: number
  /** A plain decimal. */
  readonly revenue: string
  readonly currency: string
  /** RFC 3339. */
  readonly updated_at: string
}

interface Stores {
  readonly [kind: string]: Map<string, unknown>
  /** By account. */
  readonly usage: Map<string, Usage>
  /** Token to when it ends, in ms since the epoch. */
  readonly tokens: Map<string, number>
}

interface Switches {
  /** Passes over so many pages, then fails one with `failStatus`. null: none. */
  failPageAfter: number | null
  /** Numbers come as text, as some warehouses send decimals. */
  numbersAsText: boolean
  /** Most rows of a page, whatever is asked for. */
  pageLimit: number
  tokenSeconds: number
}

export interface SandboxWarehouse extends SandboxApi<Stores, Switches> {
  readonly clientId: string
  readonly clientSecret: string
}

const CLIENT_ID = 'sandbox-warehouse'

/**
 * A data warehouse's API behind OAuth 2.0 client credentials:
 * - `POST /oauth2/token`, id and secret as HTTP Basic or in the form: `{ access_token, token_type, expires_in }`
 * - `GET /v1/usage?updated_since=&cursor=&limit=`: `{ data, next_cursor, as_of }`, oldest change first
 */
export async function startSandboxWarehouse(options: ApiOptions<Switches> = {}): Promise<SandboxWarehouse> {
  const clientSecret = options.key ?? 'sandbox-warehouse-secret'
  const now = options.now ?? Date.now
  let tokens = new Map<string, number>()
  const api = await startSandboxApi<Stores, Switches>(
    {
      switches: { failPageAfter: null, numbersAsText: false, pageLimit: 500, tokenSeconds: 3600 },
      stores: () => ({ usage: new Map(USAGE.map(row => [row.account_id, row])), tokens: new Map() }),
      letsIn: ({ path, headers }) =>
        path === '/oauth2/token' || (tokens.get(headers.authorization?.slice('Bearer '.length) ?? '') ?? 0) > now(),
      routes: (stores, faults) => {
        tokens = stores.tokens
        return {
          'POST /oauth2/token': ask => {
            if (!isClient(ask, clientSecret)) return { status: 401, body: { error: 'invalid_client' } }
            if (ask.body.grant_type !== 'client_credentials')
              return { status: 400, body: { error: 'unsupported_grant_type' } }
            const token = randomUUID()
            tokens.set(token, now() + faults.tokenSeconds * 1000)
            return { body: { access_token: token, token_type: 'Bearer', expires_in: faults.tokenSeconds } }
          },
          'GET /v1/usage': ({ query }) => {
            if (isThePage(faults)) return refusal(faults.failStatus, 'page_failed', 'The query was cut off.')
            return usagePage([...stores.usage.values()], query, faults, now())
          },
        }
      },
    },
    options,
  )
  return Object.assign(api, { clientId: CLIENT_ID, clientSecret })
}

function isClient({ call, body }: Ask, secret: string): boolean {
  const basic = `Basic ${Buffer.from(`${CLIENT_ID}:${secret}`).toString('base64')}`
  return (
    (call as SandboxHttpCall).headers.authorization === basic ||
    (body.client_id === CLIENT_ID && body.client_secret === secret)
  )
}

/** True for the one page that the switch means; it is off then. */
function isThePage(faults: Switches): boolean {
  const left = faults.failPageAfter
  if (left !== null) faults.failPageAfter = left === 0 ? null : left - 1
  return left === 0
}

function usagePage(
  rows: readonly Usage[],
  query: URLSearchParams,
  { pageLimit, numbersAsText }: Switches,
  now: number,
): SandboxHttpAnswer {
  const since = Date.parse(query.get('updated_since') ?? '1970-01-01T00:00:00Z')
  const chosen = rows
    .filter(row => Date.parse(row.updated_at) >= since)
    .sort((a, b) => Date.parse(a.updated_at) - Date.parse(b.updated_at) || (a.account_id < b.account_id ? -1 : 1))
  const { data, next_cursor } = pageOf(chosen, query, pageLimit)
  return { body: { data: numbersAsText ? data.map(inText) : data, next_cursor, as_of: new Date(now).toISOString() } }
}

function inText(row: Usage): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'number' ? String(value) : value]),
  )
}

const USAGE: readonly Usage[] = [
  {
    account_id: 'acc-1',
    domain: 'northwind.example',
    month: '2026-11',
    active_users: 240,
    events: 18_211,
    revenue: '12400.50',
    currency: 'EUR',
    updated_at: '2026-11-20T02:00:00Z',
  },
  {
    account_id: 'acc-2',
    domain: 'corner-shop.example',
    month: '2026-11',
    active_users: 3,
    events: 40,
    revenue: '49.00',
    currency: 'EUR',
    updated_at: '2026-11-21T02:00:00Z',
  },
]
