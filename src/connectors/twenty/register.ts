import type { TwentyClient } from '../../clients/twenty/client.ts'
import { SyncError } from '../../errors.ts'

export interface Registration {
  readonly client: TwentyClient
  readonly publicUrl: string | undefined
  readonly path: string
  readonly objects: readonly string[]
  readonly secret: string | undefined
}

/**
 * Makes the workspace's webhook for our address, or mends it. Doing it again changes nothing.
 * @throws SyncError fatal `NO_PUBLIC_URL`; what Twenty answers.
 */
export async function registerWebhook(registration: Registration, signal: AbortSignal): Promise<void> {
  const { client, publicUrl, path, secret } = registration
  if (publicUrl === undefined) {
    const message = 'registerWebhook needs to know where Twenty reaches this daemon: set server.publicUrl'
    throw new SyncError('fatal', 'NO_PUBLIC_URL', message)
  }
  const targetUrl = publicUrl.replace(/\/+$/, '') + path
  const operations = operationsFor(registration.objects)
  const existing = (await client.webhooks({ signal })).find(webhook => sameUrl(webhook.targetUrl, targetUrl))
  if (existing && covers(existing.operations, operations) && (!secret || existing.secret === secret)) return
  await client.saveWebhook(
    {
      ...(existing ? { id: existing.id } : { description: 'twenty-sync' }),
      targetUrl,
      operations: existing && covers(existing.operations, operations) ? existing.operations : operations,
      ...(secret && { secret }),
    },
    { signal },
  )
}

/** All actions of each object, and changes of the data model. Twenty knows no other patterns. */
function operationsFor(objects: readonly string[]): string[] {
  return [...objects.map(object => `${object}.*`), 'metadata.*.*']
}

function covers(existing: readonly string[], wanted: readonly string[]): boolean {
  return existing.includes('*.*') || wanted.every(operation => existing.includes(operation))
}

/** Twenty keeps addresses as a URL parser writes them. */
function sameUrl(left: string, right: string): boolean {
  const href = (text: string) => (URL.canParse(text) ? new URL(text).href : text).replace(/\/$/, '')
  return href(left) === href(right)
}
