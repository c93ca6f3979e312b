import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Certificate, CertificateAuthority } from './certificates.ts'
import { dataFolder } from './guarded-process.ts'
import { type KafkaFromMaven, type Listener, startKafkaFromMaven } from './kafka-maven.ts'

/** User of the listener SCRAM; signs in it are no trouble for a client. */
export const SCRAM_USER = { username: 'crm sync@1', password: 'p@ss wörd/%41' }

/** `TLS`: own CA. `MUTUAL`: asks for a certificate. `SCRAM`: TLS and a password. `ELSEWHERE`, `EXPIRED`: certificates that must not pass. */
export type SecuredListener = 'TLS' | 'MUTUAL' | 'SCRAM' | 'ELSEWHERE' | 'EXPIRED'

export interface SecuredKafka extends KafkaFromMaven<SecuredListener> {
  readonly ca: CertificateAuthority
  /** One that MUTUAL lets in. */
  readonly client: Certificate
}

/** A broker with a listener for each way of being secured. Up in about 6 s. */
export async function startSecuredKafka(): Promise<SecuredKafka> {
  const ca = new CertificateAuthority('Kafka test CA')
  const folder = await dataFolder('certificates')
  try {
    const write = async (name: string, text: string) => {
      await writeFile(join(folder.path, name), text)
      return join(folder.path, name)
    }
    const trusted = await write('ca.pem', ca.pem)
    const listener = async (name: string, hosts: string[], more: Partial<Listener> = {}, validUntil?: Date) => {
      const { cert, key } = ca.issue(name, { hosts, ...(validUntil && { validUntil }) })
      const settings = {
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': await write(`${name}.pem`, key + cert),
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': trusted,
        ...more.settings,
      }
      return { protocol: more.protocol ?? ('SSL' as const), settings }
    }
    const here = ['127.0.0.1', 'localhost']
    const asksCertificate = { settings: { 'ssl.client.auth': 'required' } }
    const asksPassword: Listener = {
      protocol: 'SASL_SSL',
      settings: {
        'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
        'scram-sha-256.sasl.jaas.config': `${SCRAM_LOGIN} required;`,
        'scram-sha-512.sasl.jaas.config': `${SCRAM_LOGIN} required;`,
      },
    }
    const listeners = {
      TLS: await listener('tls', here),
      MUTUAL: await listener('mutual', here, asksCertificate),
      SCRAM: await listener('scram', here, asksPassword),
      ELSEWHERE: await listener('elsewhere', ['kafka.example.com']),
      EXPIRED: await listener('expired', here, {}, new Date(Date.now() - 3_600_000)),
    }
    const { username, password } = SCRAM_USER
    const scram = [256, 512].map(bits => `SCRAM-SHA-${bits}=[name="${username}",password="${password}"]`)
    const kafka = await startKafkaFromMaven<SecuredListener>({ listeners, scram })
    const stop = async () => {
      await kafka.stop()
      await folder.remove()
    }
    return { ...kafka, ca, client: ca.issue('client', { hosts: ['client.example.com'] }), stop }
  } catch (error) {
    await folder.remove()
    throw error
  }
}

const SCRAM_LOGIN = 'org.apache.kafka.common.security.scram.ScramLoginModule'
