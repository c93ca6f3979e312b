import type { Answer } from '../../sandbox/twenty/http.ts'
import { Twenty, type TwentyOptions } from '../../sandbox/twenty/twenty.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

export interface Sent {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly raw: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of any shape
  readonly body: any
}

export const KEY = 'test-key'

/** A workspace without sockets, on a clock that moves only when told to. */
export function workspace(options: TwentyOptions = {}) {
  const clock = new VirtualClock()
  const sent: Sent[] = []
  const twenty = new Twenty(
    { apiKey: KEY, clock, faults: { rateLimit: { enabled: false } }, ...options },
    async (url, headers, raw) => {
      sent.push({ url, headers, raw, body: JSON.parse(raw) })
      return 200
    },
  )
  const call = (method: string, url: string, body?: unknown, token = KEY): Reply =>
    twenty.handle({
      method,
      url,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }) as Reply
  return {
    twenty,
    clock,
    sent,
    call,
    subscribe: (operations: string[], secret = 'shh') =>
      call('POST', '/rest/webhooks', { targetUrl: 'http://receiver.test/', operations, secret }).body,
    person: (values: object = {}) => call('POST', '/rest/people?depth=0', values).body.data.createPerson,
    company: (values: object = {}) => call('POST', '/rest/companies?depth=0', values).body.data.createCompany,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
export type Reply = Omit<Answer, 'body'> & { readonly body: any }
