import { timingSafeEqual } from 'node:crypto'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Duration, durationMs, Secret } from '../../config/definition.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { IncomingRequest } from '../connector.ts'

/** One way in which a sender proves that a request is its own. */
export interface Scheme {
  /** Over the raw bytes, before anything is parsed. @throws SyncError rejected `NOT_VERIFIED`, status 401. */
  verify(request: IncomingRequest): void
  /** The sender's own name for this delivery, the same when it is sent again. `item` is one element of a list body. */
  deliveryId?(request: IncomingRequest, item: Fields): string | undefined
  /** Headers that say what the body does not; kept with the event. */
  readonly keepHeaders?: readonly string[]
}

/** A scheme's config and what it makes of it. One file each; `webhook/verify.ts` lists them. */
export interface SchemeDefinition<S extends TSchema = TSchema> {
  readonly config: S
  /** `address`: the whole URL that the sender calls, where the config says how the world reaches us. */
  create(config: Static<S>, address?: string): Scheme
}

export function defineScheme<S extends TSchema>(definition: SchemeDefinition<S>): SchemeDefinition<S> {
  return definition
}

/** Why a request was refused. For our counters only: the sender learns no more than that it was. */
export type RefusalReason = 'missing' | 'malformed' | 'mismatch' | 'too-old' | 'too-new'

/** The same words for every cause: an attacker must not learn how near a guess was. */
export function refused(reason: RefusalReason): SyncError {
  const message = 'the request does not carry a valid signature or credential for this address'
  return new SyncError('rejected', 'NOT_VERIFIED', message, { status: 401, details: { reason } })
}

/** One secret, or several while they are being rotated. */
export function Secrets(description: string) {
  return Type.Union(
    [
      Secret({ description, examples: ['${WEBHOOK_SECRET}'] }),
      Type.Array(Secret({ description, examples: ['${WEBHOOK_SECRET}'] }), {
        minItems: 1,
        description: 'Several, all of them accepted, while they are being rotated.',
        examples: [['${WEBHOOK_SECRET}', '${OLD_WEBHOOK_SECRET}']],
      }),
    ],
    { description: `${description} A list while it is being rotated.` },
  )
}

export function listOf(secrets: string | string[]): readonly string[] {
  return typeof secrets === 'string' ? [secrets] : secrets
}

export const Tolerance = Type.Optional(
  Duration({
    description: 'How far the signed timestamp may be from our clock, in either direction.',
    default: '300s',
    examples: ['300s', '10m'],
  }),
)

const DEFAULT_TOLERANCE_MS = 300_000

export function toleranceMs(tolerance: string | undefined): number {
  return tolerance === undefined ? DEFAULT_TOLERANCE_MS : durationMs(tolerance)
}

/** A header that must be there once. @throws SyncError when it is not. */
export function requiredHeader(request: IncomingRequest, name: string): string {
  const value = request.headers[name]
  if (typeof value !== 'string' || value === '') throw refused('missing')
  return value
}

/** Constant time for equal lengths; a length says nothing about the secret of a signature. */
export function sameText(given: string, expected: string): boolean {
  if (given.length !== expected.length) return false
  const bytes = Buffer.from(given)
  const wanted = Buffer.from(expected)
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted)
}

/** @throws SyncError when the moment is further from now than allowed; a captured request is worthless after that. */
export function checkAge(timestampMs: number, nowMs: number, allowedMs: number): void {
  if (timestampMs < nowMs - allowedMs) throw refused('too-old')
  if (timestampMs > nowMs + allowedMs) throw refused('too-new')
}

/** Seconds or milliseconds since the epoch: from eleven digits on it can only be milliseconds. */
export function epochMs(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw refused('malformed')
  const count = Number(text)
  return count >= 1e11 ? count : count * 1000
}
