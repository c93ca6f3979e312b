import { Type } from '@sinclair/typebox'
import { SyncError } from '../../../errors.ts'
import type { IncomingRequest } from '../../connector.ts'
import { hmacOf } from '../hmac.ts'
import {
  checkAge,
  defineScheme,
  epochMs,
  listOf,
  refused,
  requiredHeader,
  Secrets,
  sameText,
  Tolerance,
  toleranceMs,
} from '../scheme.ts'

const HeaderName = '^[A-Za-z0-9-]+$'

/** Any other sender that signs with a shared key. */
export default defineScheme({
  config: Type.Object(
    {
      scheme: Type.Literal('hmac', { description: 'An HMAC in a header, described part by part.' }),
      secret: Secrets('The key that both sides hold.'),
      secretEncoding: Type.Optional(
        Type.Union([Type.Literal('text'), Type.Literal('hex'), Type.Literal('base64')], {
          description: 'How the key is written.',
          default: 'text',
        }),
      ),
      header: Type.String({
        pattern: HeaderName,
        description: 'Header with the signature.',
        examples: ['x-signature'],
      }),
      algorithm: Type.Optional(
        Type.Union([Type.Literal('sha256'), Type.Literal('sha512'), Type.Literal('sha1')], {
          description: 'Hash function.',
          default: 'sha256',
        }),
      ),
      encoding: Type.Optional(
        Type.Union([Type.Literal('hex'), Type.Literal('base64')], {
          description: 'How the signature is written.',
          default: 'hex',
        }),
      ),
      prefix: Type.Optional(
        Type.String({
          description: 'What stands before the signature in its header.',
          default: '',
          examples: ['sha256='],
        }),
      ),
      timestampHeader: Type.Optional(
        Type.String({
          pattern: HeaderName,
          description: 'Header with the moment of sending, in seconds or milliseconds since 1970; it must be signed.',
          examples: ['x-timestamp'],
        }),
      ),
      signed: Type.Optional(
        Type.String({
          pattern: '\\{body\\}',
          description:
            'What is signed: `{body}`, `{timestamp}`, `{method}`, `{path}` and `{header:name}` stand for their values.',
          default: '{body}',
          examples: ['{timestamp}.{body}'],
        }),
      ),
      tolerance: Tolerance,
    },
    { additionalProperties: false, description: 'Any HMAC over the body.' },
  ),
  create(config) {
    const header = config.header.toLowerCase()
    const timestampHeader = config.timestampHeader?.toLowerCase()
    const parts = partsOf(config.signed ?? '{body}', timestampHeader)
    const { algorithm = 'sha256', encoding = 'hex', prefix = '', secretEncoding = 'text' } = config
    const macs = listOf(config.secret).map(secret => hmacOf(algorithm, encoding, keyOf(secret, secretEncoding)))
    const allowedMs = toleranceMs(config.tolerance)
    return {
      verify(request) {
        const whole = requiredHeader(request, header)
        if (!whole.startsWith(prefix)) throw refused('malformed')
        const given = encoding === 'hex' ? whole.slice(prefix.length).toLowerCase() : whole.slice(prefix.length)
        if (timestampHeader) checkAge(epochMs(requiredHeader(request, timestampHeader)), request.receivedAt, allowedMs)
        const message = parts.map(part => part(request))
        if (!macs.some(mac => sameText(given, mac(...message)))) throw refused('mismatch')
      },
    }
  },
})

type Part = (request: IncomingRequest) => string | Buffer

/** The template once, so that a request costs no parsing. */
function partsOf(template: string, timestampHeader: string | undefined): readonly Part[] {
  if (timestampHeader && !template.includes('{timestamp}') && !template.includes(`{header:${timestampHeader}}`)) {
    const message =
      '`timestampHeader` is not part of `signed`: anybody could change it; write `signed: "{timestamp}.{body}"` or leave it out'
    throw new SyncError('fatal', 'BAD_SIGNED_TEMPLATE', message)
  }
  return template
    .split(/(\{[^{}]*\})/)
    .filter(text => text !== '')
    .map(text => partOf(text, timestampHeader))
}

function partOf(text: string, timestampHeader: string | undefined): Part {
  if (text === '{body}') return request => request.body
  if (text === '{method}') return request => request.method
  if (text === '{path}') return request => request.path
  if (text === '{timestamp}' && timestampHeader) return request => requiredHeader(request, timestampHeader)
  const name = /^\{header:([A-Za-z0-9-]+)\}$/.exec(text)?.[1]?.toLowerCase()
  if (name) return request => requiredHeader(request, name)
  if (!/^\{[^{}]*\}$/.test(text)) return () => text
  const hint =
    text === '{timestamp}'
      ? 'it needs `timestampHeader`'
      : 'known are {body}, {timestamp}, {method}, {path}, {header:name}'
  throw new SyncError('fatal', 'BAD_SIGNED_TEMPLATE', `\`signed\` has ${text}: ${hint}`)
}

function keyOf(secret: string, encoding: 'text' | 'hex' | 'base64'): Buffer {
  if (encoding === 'text') return Buffer.from(secret)
  const key = Buffer.from(secret, encoding)
  if (key.length > 0) return key
  throw new SyncError('fatal', 'BAD_SECRET', `a secret of scheme \`hmac\` is not ${encoding}`)
}
