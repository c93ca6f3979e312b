import { createHmac, randomBytes } from 'node:crypto'

/** Lower-case hex HMAC-SHA256 over `<timestamp in ms>:<raw body>`. */
export function sign(secret: string, timestamp: string, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}:${body}`).digest('hex')
}

/** Without a secret there is nothing but the content type. The nonce is not part of what is signed. */
export function deliveryHeaders(secret: string, timestampMs: number, body: string): Record<string, string> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' }
  if (secret === '') return headers
  const timestamp = String(timestampMs)
  headers['X-Twenty-Webhook-Timestamp'] = timestamp
  headers['X-Twenty-Webhook-Signature'] = sign(secret, timestamp, body)
  headers['X-Twenty-Webhook-Nonce'] = randomBytes(16).toString('hex')
  return headers
}
