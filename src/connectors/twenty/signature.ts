import { createHmac, timingSafeEqual } from 'node:crypto'
import { SyncError } from '../../errors.ts'
import type { IncomingRequest } from '../connector.ts'

export interface SignatureOptions {
  /** The current one and those being replaced; none: every delivery is refused unless `unsigned`. */
  readonly secrets: readonly string[]
  readonly unsigned: boolean
  readonly toleranceMs: number
}

/**
 * Verifies a delivery of Twenty: hex HMAC-SHA256 over `<timestamp>:<raw body>`, timestamp in milliseconds. The nonce
 * header is not signed and proves nothing; repeats are told by the event's id.
 * @see https://github.com/twentyhq/twenty/blob/main/packages/twenty-server/src/engine/metadata-modules/webhook/jobs/call-webhook.job.ts
 * @throws SyncError rejected with status 401 and what is wrong.
 */
export function verifySignature({ headers, body, receivedAt }: IncomingRequest, options: SignatureOptions): void {
  if (options.secrets.length === 0) {
    if (options.unsigned) return
    throw refused(
      'no-secret',
      'this address has no webhookSecret configured, so it takes no deliveries; set one, or unsigned: true',
    )
  }
  const timestamp = headers['x-twenty-webhook-timestamp']
  const signature = headers['x-twenty-webhook-signature']
  if (typeof timestamp !== 'string' || typeof signature !== 'string') {
    throw refused('unsigned', 'the delivery is not signed: set the secret at the webhook in Twenty')
  }
  const sentAt = /^\d{1,15}$/.test(timestamp) ? Number(timestamp) : Number.NaN
  // Both ways: a timestamp far ahead would stay valid for as long.
  if (!(Math.abs(receivedAt - sentAt) <= options.toleranceMs)) {
    throw refused('timestamp', `the timestamp is off by more than ${options.toleranceMs / 1000} s; check the clocks`)
  }
  if (!options.secrets.some(secret => matches(secret, timestamp, body, signature))) {
    throw refused('signature', 'the signature does not fit the body; is the secret the one of this webhook?')
  }
}

function matches(secret: string, timestamp: string, body: Buffer, signature: string): boolean {
  // Buffer.from would take the good beginning of a bad text.
  if (!/^[0-9a-f]{64}$/.test(signature)) return false
  const expected = createHmac('sha256', secret).update(`${timestamp}:`).update(body).digest()
  return timingSafeEqual(Buffer.from(signature, 'hex'), expected)
}

function refused(reason: string, message: string): SyncError {
  return new SyncError('rejected', 'NOT_VERIFIED', message, { status: 401, details: { reason } })
}
