import { type ApiOptions, type SandboxApi, startSandboxApi } from '../http/api.ts'
import type { CaughtMail, SandboxMail } from './server.ts'

interface Stores {
  readonly [kind: string]: Map<string, unknown>
  /** By number, in the order in which they came. */
  readonly mails: Map<string, CaughtMail>
}

/** What a mail server has taken, to read over HTTP: `GET /sandbox/state`. */
export async function startSandboxInbox(
  mail: SandboxMail,
  options: ApiOptions<object> = {},
): Promise<SandboxApi<Stores, object>> {
  const inbox = await startSandboxApi<Stores, object>(
    { switches: {}, stores: () => ({ mails: new Map() }), routes: () => ({}) },
    options,
  )
  mail.onMail(caught => inbox.stores.mails.set(String(inbox.stores.mails.size + 1), caught))
  return inbox
}
