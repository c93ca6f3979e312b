import { createPrivateKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CertificateAuthority } from '../../scripts/services/certificates.ts'
import { linesOf, load } from './support.ts'

const authority = new CertificateAuthority('test CA')
const client = authority.issue('client', { hosts: ['client.example.com'] })
const another = authority.issue('another', { hosts: ['client.example.com'] })
const withPassword = createPrivateKey(client.key).export({
  ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'pass' },
}) as string

const FILES = {
  'ca.pem': authority.pem + another.cert,
  'client.pem': client.cert,
  'client.key': client.key,
  'another.key': another.key,
  'locked.key': withPassword,
  'broken.pem': client.cert.replace('MI', 'XX'),
}

/** `tls` stands in line 2 for the log and in line 3 for the state. */
const configWith = (tls: string, redis = tls) => ({
  ...FILES,
  'c.yaml': `log: { type: kafka, brokers: "kafka-1:9093",
  tls: ${tls} }
state: { url: "rediss://redis:6380", tls: ${redis} }
`,
})

describe('certificates in the config', () => {
  it('are read from files, with several authorities in one', async () => {
    const tls = '{ ca: "${file:ca.pem}", cert: "${file:client.pem}", key: "${file:client.key}" }'
    const { config } = await load(configWith(tls))
    const read = { ca: FILES['ca.pem'].trimEnd(), cert: client.cert.trimEnd(), key: client.key.trimEnd() }
    expect(config.log).toMatchObject({ tls: read })
    expect(config.state).toMatchObject({ tls: read })
    // P9: of the three the key alone is secret.
    expect(config.secrets).toContain(read.key)
    expect(config.secrets).not.toContain(read.cert)
  })

  it.each<[string, string, string]>([
    [
      'a path in place of the text',
      '{ ca: ./ca.pem }',
      'ca certificate: this is no certificate in PEM => "${file:./ca.pem}"',
    ],
    [
      'a key for an authority',
      '{ ca: "${file:client.key}" }',
      'ca certificate: this is no certificate in PEM => "${file:./ca.pem}"',
    ],
    [
      'a certificate that is damaged',
      '{ ca: "${file:broken.pem}" }',
      'ca certificate: this is no certificate in PEM => "${file:./ca.pem}"',
    ],
    [
      'a certificate for a key',
      '{ cert: "${file:client.pem}", key: "${file:client.pem}" }',
      'key certificate: this is no private key in PEM that can be read without a password => "${file:./client.key}"',
    ],
    [
      'a key with a password',
      '{ cert: "${file:client.pem}", key: "${file:locked.key}" }',
      'key certificate: this is no private key in PEM that can be read without a password => "${file:./client.key}"',
    ],
    [
      "another certificate's key",
      '{ cert: "${file:client.pem}", key: "${file:another.key}" }',
      'key certificate: this is not the key of the certificate in `cert` => the two files that were made together',
    ],
    [
      'a certificate without its key',
      '{ cert: "${file:client.pem}" }',
      'key missing: `key` is missing: our own certificate and its key go together => key: "${file:./client.key}"',
    ],
    [
      'a key without its certificate',
      '{ key: "${file:client.key}" }',
      'cert missing: `cert` is missing: our own certificate and its key go together => cert: "${file:./client.pem}"',
    ],
  ])('%s is a problem of its own', async (_, tls, line) => {
    const lines = await linesOf(configWith(tls))
    const told = lines.map(each => each.replace(/^c\.yaml:\d+:\d+ /, ''))
    expect(told).toEqual([`log.tls.${line}`, `state.tls.${line}`])
    expect(lines[0]).toMatch(/^c\.yaml:2:/)
    expect(lines[1]).toMatch(/^c\.yaml:3:/)
  })
})
