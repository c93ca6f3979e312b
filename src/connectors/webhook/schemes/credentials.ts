import { Type } from '@sinclair/typebox'
import { Secret } from '../../../config/definition.ts'
import { defineScheme, listOf, refused, requiredHeader, Secrets, sameText } from '../scheme.ts'

/** Proofs that are sent along as they are: worth no more than the TLS around them. */

export const bearer = defineScheme({
  config: Type.Object(
    {
      scheme: Type.Literal('bearer', { description: '`Authorization: Bearer <token>`.' }),
      token: Secrets('The token.'),
    },
    { additionalProperties: false, description: 'A bearer token.' },
  ),
  create(config) {
    const tokens = listOf(config.token)
    return {
      verify(request) {
        const given = credentials(requiredHeader(request, 'authorization'), 'bearer')
        if (!tokens.some(token => sameText(given, token))) throw refused('mismatch')
      },
    }
  },
})

export const basic = defineScheme({
  config: Type.Object(
    {
      scheme: Type.Literal('basic', { description: 'HTTP Basic authentication.' }),
      username: Type.String({ pattern: '^[^:]*$', description: 'User name.', examples: ['crm'] }),
      password: Secrets('Password.'),
    },
    { additionalProperties: false, description: 'User name and password.' },
  ),
  create(config) {
    const pairs = listOf(config.password).map(password =>
      Buffer.from(`${config.username}:${password}`).toString('base64'),
    )
    return {
      verify(request) {
        const given = credentials(requiredHeader(request, 'authorization'), 'basic')
        if (!pairs.some(pair => sameText(given, pair))) throw refused('mismatch')
      },
    }
  },
})

export const sharedHeader = defineScheme({
  config: Type.Object(
    {
      header: Type.String({ pattern: '^[A-Za-z0-9-]+$', description: 'Name of the header.', examples: ['x-form-key'] }),
      equals: Type.Union(
        [
          Secret({ description: 'Its value.', examples: ['${FORM_KEY}'] }),
          Type.Array(Secret({ description: 'Its value.' }), { minItems: 1, description: 'Any of these values.' }),
        ],
        { description: 'What it must hold. A list while it is being rotated.' },
      ),
    },
    { additionalProperties: false, description: 'A header with a shared secret.' },
  ),
  create(config) {
    const name = config.header.toLowerCase()
    const values = listOf(config.equals)
    return {
      verify(request) {
        const given = requiredHeader(request, name)
        if (!values.some(value => sameText(given, value))) throw refused('mismatch')
      },
    }
  },
})

/** The scheme's name is case-insensitive, what follows is not. https://www.rfc-editor.org/rfc/rfc9110#section-11.4 */
function credentials(header: string, scheme: string): string {
  const space = header.indexOf(' ')
  if (space < 0 || header.slice(0, space).toLowerCase() !== scheme) throw refused('malformed')
  return header.slice(space + 1).trimStart()
}
