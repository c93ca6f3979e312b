import type { Static } from '@sinclair/typebox'
import pino from 'pino'
import type { ConnectorContext, Expression } from '../../src/config/definition.ts'
import type { Connector, IncomingRequest } from '../../src/connectors/connector.ts'
import webhook from '../../src/connectors/webhook.ts'
import type { Environment } from '../../src/environment.ts'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'

export const NOW = Date.parse('2026-11-24T10:00:00.000Z')

/** Enough of CEL for these tests: `data.a.b`, `headers['x-y']`; `?` before a name makes it optional. */
export function pathExpression(source: string): Expression {
  const parts = [...source.matchAll(/(\??)(\w+)|\['([^']+)'\]/g)].map(([, optional, name, quoted]) => ({
    name: name ?? quoted!,
    optional: optional === '?',
  }))
  return {
    source,
    names: [parts[0]!.name],
    evaluate(scope) {
      let value: unknown = scope
      for (const { name, optional } of parts) {
        const inner: unknown = typeof value === 'object' && value !== null ? (value as Fields)[name] : undefined
        if (inner === undefined && optional) return undefined
        if (inner === undefined)
          throw new SyncError('rejected', 'MISSING_FIELD', `no ${name} in ${JSON.stringify(value)}`)
        value = inner
      }
      return value
    },
  }
}

export type WebhookConfig = Static<(typeof webhook)['config']>

let made = 0

export function createContext(name: string, env: Partial<Environment> = {}): ConnectorContext {
  const unused = (): never => {
    throw new Error('not for a webhook')
  }
  return {
    name,
    env: {
      clock: { now: () => NOW, elapsed: () => 0, after: unused, sleep: unused },
      random: () => 0.5,
      uuid: () => `random-${++made}`,
      http: unused,
      logger: pino({ level: 'silent' }),
      ...env,
    },
    compile: pathExpression,
    state: undefined as never,
    coordinator: undefined as never,
    client: undefined,
    objects: [],
  }
}

export function createConnector(config: Omit<WebhookConfig, 'path'> & { path?: string }, name = 'form'): Connector {
  return webhook.create({ path: `/hooks/${name}`, ...config }, createContext(name))
}

export function post(
  body: string | Buffer,
  headers: Record<string, string | undefined> = {},
  given: Partial<IncomingRequest> = {},
): IncomingRequest {
  return {
    method: 'POST',
    path: '/hooks/form',
    query: {},
    headers,
    body: Buffer.from(body as string),
    receivedAt: NOW,
    ...given,
  }
}
