import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { expect, it, onTestFinished } from 'vitest'
import { CertificateAuthority } from '../../scripts/services/certificates.ts'
import { TlsConnector } from '../../src/state/redis/tls-connector.ts'

const authority = new CertificateAuthority('Redis test CA')

it('hears every error of a connection that is reset after its certificate was refused', async () => {
  const { port, reset } = await refusing()
  const connector = new TlsConnector({ host: '127.0.0.1', port, tls: { ca: authority.pem }, disconnectTimeout: 2_000 })
  const stream = await connector.connect()
  const heard: unknown[] = []
  stream.once('secureConnect', () => stream.write('PING\r\n'))
  // As ioredis does it. What is under way then fails once more.
  stream.once('error', ({ code }: NodeJS.ErrnoException) => {
    heard.push(code)
    stream.write(Buffer.alloc(100_000))
    reset()
  })
  await new Promise(resolve => stream.once('close', resolve))
  // A second error without a listener would be one of this process: the run fails.
  expect(heard).toEqual(['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'])
})

/** A server that wants a certificate, and behind it a connection that can be cut. */
async function refusing(): Promise<{ port: number; reset: () => void }> {
  const wishes = { ca: [authority.pem], requestCert: true, rejectUnauthorized: true }
  const server = createTlsServer({ ...authority.issue('redis', { hosts: ['127.0.0.1'] }), ...wishes })
  let reset = () => {}
  const front = createServer({ allowHalfOpen: true }, client => {
    const behind = connect((server.address() as AddressInfo).port, '127.0.0.1')
    reset = () => client.resetAndDestroy()
    for (const socket of [client, behind]) socket.on('error', () => {})
    client.pipe(behind).pipe(client, { end: false })
  })
  for (const each of [server, front]) await once(each.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void [server.close(), front.close()])
  return { port: (front.address() as AddressInfo).port, reset: () => reset() }
}
