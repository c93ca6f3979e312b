import type { Fields } from '../../event.ts'
import type { CallOptions, Send } from './calls.ts'
import { listed } from './metadata.ts'

export interface Webhook {
  readonly id: string
  readonly targetUrl: string
  readonly operations: readonly string[]
  readonly secret?: string
}

export interface WebhookCalls {
  webhooks(options?: CallOptions): Promise<Webhook[]>
  saveWebhook(
    webhook: Omit<Webhook, 'id'> & { id?: string; description?: string },
    options?: CallOptions,
  ): Promise<void>
}

export function webhookCalls(send: Send): WebhookCalls {
  return {
    async webhooks(options) {
      const answer = await send({ method: 'GET', url: '/webhooks' }, options)
      return listed(answer.json(), 'webhooks').flatMap(webhookOf)
    },
    async saveWebhook({ id, ...webhook }, options) {
      if (id === undefined) await send({ method: 'POST', url: '/webhooks', json: webhook }, options)
      else await send({ method: 'PATCH', url: `/webhooks/${id}`, json: webhook }, options)
    },
  }
}

function webhookOf(row: Fields): Webhook[] {
  const { id, targetUrl, operations, secret } = row
  if (typeof id !== 'string' || typeof targetUrl !== 'string') return []
  const subscribed = Array.isArray(operations) ? operations.map(String) : []
  return [{ id, targetUrl, operations: subscribed, ...(typeof secret === 'string' && { secret }) }]
}
