import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CertificateAuthority } from '../services/certificates.ts'
import { SCRAM_USER, startSecuredKafka } from '../services/kafka-secured.ts'
import { startSecuredRedis } from '../services/redis-secured.ts'
import type { EngineName, StartedEngine } from './stack.ts'

const REDIS_PASSWORD = 'redis-secret'

/** Kafka with SCRAM over TLS, Redis with an ACL user and client certificates, each of an authority of its own. */
export async function startSecuredEngine(
  engine: EngineName,
  folder: string,
  closers: (() => Promise<unknown>)[],
): Promise<StartedEngine> {
  if (engine !== 'kafka') throw new Error('only Kafka and Redis can be secured')
  const ca = new CertificateAuthority('Redis test CA')
  const acl = ['user default off', `user crm on >${REDIS_PASSWORD} ~* &* +@all`]
  const kafka = await startSecuredKafka()
  closers.push(() => kafka.stop())
  const redis = await startSecuredRedis({ ca, acl, mutual: true })
  closers.push(() => redis.stop())
  const client = ca.issue('twenty-sync', { hosts: ['sync.example.com'] })
  const files = {
    'kafka-ca.pem': kafka.ca.pem,
    'redis-ca.pem': ca.pem,
    'redis.pem': client.cert,
    'redis.key': client.key,
  }
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)))
  return {
    yaml: `log:
  type: kafka
  brokers: "${kafka.at.SCRAM}"
  prefix: secured
  replication: 1
  tls: { ca: "\${file:./kafka-ca.pem}" }
  sasl: { mechanism: scram-sha-512, username: "${SCRAM_USER.username}", password: "\${KAFKA_PASSWORD}" }
state:
  type: redis
  url: "rediss://crm:\${REDIS_PASSWORD}@${redis.tls}"
  prefix: secured
  tls: { ca: "\${file:./redis-ca.pem}", cert: "\${file:./redis.pem}", key: "\${file:./redis.key}" }
`,
    prefix: 'secured',
    found: [kafka.found, `Redis at ${redis.tls}`],
    env: { KAFKA_PASSWORD: SCRAM_USER.password, REDIS_PASSWORD },
  }
}
