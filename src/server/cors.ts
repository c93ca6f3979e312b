import type { IncomingMessage } from 'node:http'
import type { Route } from '../connectors/connector.ts'
import { type Answer, errorAnswer } from './answer.ts'

const PREFLIGHT_SECONDS = '600'

/** Headers that let a page of an allowed origin read the answer. */
export function corsHeaders(route: Route, message: IncomingMessage): Record<string, string> | undefined {
  if (!route.cors) return undefined
  const { origin } = message.headers
  if (origin === undefined || !allows(route.cors, origin)) return { vary: 'origin' }
  return { 'access-control-allow-origin': route.cors.includes('*') ? '*' : origin, vary: 'origin' }
}

/** The answer to a browser's question before it posts. */
export function preflight(route: Route, message: IncomingMessage): Answer {
  const { origin } = message.headers
  if (origin === undefined || !allows(route.cors!, origin)) return foreignOrigin()
  const asked = message.headers['access-control-request-headers']
  const headers: Record<string, string> = {
    'access-control-allow-methods': route.methods.join(', '),
    'access-control-max-age': PREFLIGHT_SECONDS,
  }
  if (asked !== undefined && /^[\w-]+(?:\s*,\s*[\w-]+)*$/.test(asked)) headers['access-control-allow-headers'] = asked
  return { status: 204, headers }
}

/** A page elsewhere must not use somebody's browser to fill our forms; senders that are no browsers have no origin. */
export function isForeign(route: Route, message: IncomingMessage): boolean {
  const { origin } = message.headers
  return route.cors !== undefined && origin !== undefined && !allows(route.cors, origin)
}

export function foreignOrigin(): Answer {
  return errorAnswer(403, 'ORIGIN_NOT_ALLOWED', 'this address does not take posts from pages of your origin')
}

function allows(origins: readonly string[], origin: string): boolean {
  return origins.includes('*') || origins.includes(origin)
}
