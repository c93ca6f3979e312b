import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CertificateAuthority, CertificateWish } from './certificates.ts'
import { redisProgram } from './redis.ts'
import { startRedisServer } from './redis-server.ts'

export interface SecuredRedisOptions extends Partial<CertificateWish> {
  /** Signs the server's certificate, and those that it lets in. */
  readonly ca: CertificateAuthority
  /** Asks clients for a certificate. */
  readonly mutual?: boolean
  /** A rule of its ACL, as in `user a on >b ~* +@all`. */
  readonly acl?: readonly string[]
  /** One node in cluster mode, which calls itself `localhost`. */
  readonly cluster?: boolean
}

export interface SecuredRedis {
  /** `127.0.0.1:port` for TLS, with a certificate for `hosts`; by default for that address and localhost. */
  readonly tls: string
  /** The same server without. */
  readonly plain: string
  restart(options?: { hard?: boolean }): Promise<void>
  stop(): Promise<void>
}

/** The machine's redis-server with a port for TLS. @throws NotAvailable where it is missing. */
export async function startSecuredRedis(options: SecuredRedisOptions): Promise<SecuredRedis> {
  const { ca, hosts = ['127.0.0.1', 'localhost'], validUntil, mutual = false, acl = [], cluster = false } = options
  const { cert, key } = ca.issue('redis', { hosts, ...(validUntil && { validUntil }) })
  let tlsPort = 0
  const more = async (folder: string, port: number) => {
    tlsPort = port
    const write = async (name: string, text: string) => {
      await writeFile(join(folder, name), text)
      return join(folder, name)
    }
    const files = ['--tls-cert-file', await write('redis.pem', cert), '--tls-key-file', await write('redis.key', key)]
    const asks = ['--tls-ca-cert-file', await write('ca.pem', ca.pem), '--tls-auth-clients', mutual ? 'yes' : 'no']
    const rules = acl.length > 0 ? ['--aclfile', await write('users.acl', `${acl.join('\n')}\n`)] : []
    const named = ['--tls-cluster', 'yes', '--cluster-announce-hostname', 'localhost']
    const mode = cluster ? [...named, '--cluster-preferred-endpoint-type', 'hostname'] : []
    return ['--tls-port', String(port), ...files, ...asks, ...rules, ...mode]
  }
  const server = await startRedisServer(await redisProgram(), { cluster, more })
  return {
    tls: `127.0.0.1:${tlsPort}`,
    plain: new URL(server.url).host,
    restart: server.restart,
    stop: server.stop,
  }
}
