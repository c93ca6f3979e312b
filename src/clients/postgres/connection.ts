import type { ClientConfig } from 'pg'
import { durationMs } from '../../config/definition.ts'
import { SyncError } from '../../errors.ts'
import type { PostgresConfig } from './config.ts'

const CONNECT_MS = 10_000
const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|::1)$/i

/**
 * How the driver connects. Every part is told apart, so that neither the URL's query nor PG variables of the environment
 * decide anything, TLS least of all.
 * @throws SyncError fatal `POSTGRES_SCHEMA` when the way would be open and nobody said that it may be.
 */
export function connectionOf(name: string, config: PostgresConfig): ClientConfig {
  const url = new URL(config.url)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return {
    host,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username) || 'postgres',
    // The driver looks into files of the home folder when there is none.
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username) || 'postgres',
    ssl: tlsOf(name, config, url, host),
    application_name: 'twenty-sync',
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: durationMs(config.timeout ?? '30s'),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
}

/** P9: what is sent to another machine is encrypted, and goes to the right one, unless the author said otherwise. */
function tlsOf(name: string, config: PostgresConfig, url: URL, host: string): ClientConfig['ssl'] {
  const mode = url.searchParams.get('sslmode')
  const isOpen = mode === null ? LOOPBACK.test(host) || config.insecure === true : mode === 'disable'
  if (!isOpen) {
    return {
      rejectUnauthorized: config.insecure !== true,
      ...(config.ca !== undefined && { ca: config.ca }),
      ...(!/^[\d.:]+$/.test(host) && { servername: host }),
    }
  }
  if (LOOPBACK.test(host) || config.insecure) return false
  const advice = `take \`sslmode=disable\` out of its url, or set \`insecure: true\` when the way is trusted`
  throw new SyncError('fatal', 'POSTGRES_SCHEMA', `${name}: ${host} is another machine and needs TLS; ${advice}`)
}
