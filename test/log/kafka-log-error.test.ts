import { describe, expect, it } from 'vitest'
import { logError } from '../../src/log/kafka/log-error.ts'

const doing = 'cannot list topics (Kafka at kafka-1:9093, kafka-2:9093)'

describe('what Kafka ends with', () => {
  /** kafkajs wraps both in the same error; one passes by itself, the other never does. */
  it.each([
    ['SASL SCRAM SHA512 authentication failed: Closed connection', 'retryable', 'LOG_UNAVAILABLE'],
    ['SASL PLAIN authentication failed: Connection closed by the server', 'retryable', 'LOG_UNAVAILABLE'],
    [
      'SASL SCRAM SHA256 authentication failed: Request SaslAuthenticate(key: 36, version: 1) timed out',
      'retryable',
      'LOG_UNAVAILABLE',
    ],
    [
      'SASL SCRAM SHA512 authentication failed: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512',
      'fatal',
      'LOG_AUTH',
    ],
    ['SASL OAUTHBEARER mechanism is not supported by the server', 'fatal', 'LOG_AUTH'],
  ])('%s: %s', (text, kind, code) => {
    const error = Object.assign(new Error(text), { name: 'KafkaJSSASLAuthenticationError' })
    expect(logError(error, doing)).toMatchObject({ kind, code })
  })

  it('names the broker of several that it is about', () => {
    const details = { broker: 'kafka-2:9093', code: 'CERT_HAS_EXPIRED' }
    const reason = Object.assign(new Error('Connection error: certificate has expired'), details)
    const error = logError(Object.assign(new Error('tries are over'), { cause: reason }), `${doing.slice(0, -15)})`)
    expect(error).toMatchObject({ kind: 'fatal', code: 'LOG_TLS' })
    expect(error.message).toMatch(
      /^cannot list topics \(Kafka at kafka-1:9093\): kafka-2:9093: its certificate has expired/,
    )
  })
})
