import type { Variables } from '../config/references.ts'

/** The given variables, and a made-up value for every other name: a test says only what it is about. */
export function testVariables(given: Readonly<Record<string, unknown>>): Variables {
  const value = (name: string) => (Object.hasOwn(given, name) ? String(given[name]) : madeUp(name))
  return new Proxy<Record<string, string>>(
    {},
    {
      get: (_, name) => (typeof name === 'string' ? value(name) : undefined),
      getOwnPropertyDescriptor: (_, name) =>
        typeof name === 'string'
          ? { value: value(name), configurable: true, enumerable: true, writable: true }
          : undefined,
    },
  )
}

/** Nothing answers under `.test`: the name is kept free for this. @see https://www.rfc-editor.org/rfc/rfc6761#section-6.2 */
function madeUp(name: string): string {
  const host = name.toLowerCase().replaceAll('_', '-')
  if (/^(SMTP|MAIL)/i.test(name)) return `smtps://${host}.test`
  if (/^(DATABASE|POSTGRES|PG)/i.test(name)) return `postgres://${host}.test/test`
  if (/_(URL|URI|ENDPOINT)$/i.test(name)) return `https://${host}.test`
  // Some senders' secrets are written so; to the others it is a text like any.
  if (/_SECRET$/i.test(name)) return `whsec_${Buffer.from(host).toString('base64')}`
  return `test-${host}`
}
