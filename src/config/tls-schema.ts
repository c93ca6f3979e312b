import { Type } from '@sinclair/typebox'
import { Secret } from './definition.ts'

/** Certificates as PEM text, which usually comes by `${file:…}`. */
const Certificates = Type.Object(
  {
    ca: Type.Optional(
      Type.String({
        description: 'Who signed the certificate of the other side, as PEM.',
        examples: ['${file:./ca.pem}'],
      }),
    ),
    cert: Type.Optional(
      Type.String({ description: 'Our own certificate, as PEM.', examples: ['${file:./client.pem}'] }),
    ),
    key: Type.Optional(Secret({ description: 'Its private key, as PEM.', examples: ['${file:./client.key}'] })),
    rejectUnauthorized: Type.Optional(
      Type.Boolean({ description: '`false` believes every certificate. Needs `insecure: true`.', default: true }),
    ),
  },
  { description: 'Certificates.', additionalProperties: false },
)

export function TlsSchema(description: string) {
  return Type.Union([Type.Boolean({ description: 'With the certificates that Node trusts.' }), Certificates], {
    description,
    examples: [true, { ca: '${file:./ca.pem}' }],
  })
}
