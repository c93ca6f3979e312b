/** Why no TLS came about, for a person. */
export interface TlsFault {
  readonly reason: string
  /** What to do; a key that stands in it is one of the config. */
  readonly advice: string
}

/** Where the certificates are in the config, and the address that they must fit: `log.tls` and `log.brokers`. */
export interface TlsPlace {
  readonly tls: string
  readonly address: string
}

const UNTRUSTED = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** What the other side says of our certificate. The rest of the code depends on the version of OpenSSL. */
const REFUSED =
  /^ERR_SSL_.*ALERT_(BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/
const NO_COMMON_TERMS = /^ERR_SSL_(.*ALERT_(PROTOCOL_VERSION|HANDSHAKE_FAILURE)|UNSUPPORTED_PROTOCOL|NO_.*CIPHER.*)$/
const NOT_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'])

/**
 * Undefined where the error is none of TLS, or may be a broken connection as well. What it names lasts until somebody
 * changes a certificate or the config.
 * @see https://nodejs.org/api/tls.html#x509-certificate-error-codes
 */
export function tlsFaultOf(error: unknown, { tls, address }: TlsPlace): TlsFault | undefined {
  if (!(error instanceof Error)) return undefined
  const { code = '', message }: NodeJS.ErrnoException = error
  if (UNTRUSTED.has(code)) {
    return {
      reason: `its certificate is signed by an authority that we do not trust (${code})`,
      advice: `set ${tls}.ca to the certificate of that authority`,
    }
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const reason = code === 'CERT_HAS_EXPIRED' ? 'its certificate has expired' : 'its certificate is not valid yet'
    return { reason, advice: 'renew the certificate there, or set the clock here' }
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const detail = /altnames: (.*?)[:\s]*$/.exec(message)?.[1]
    return {
      reason: `its certificate is for another host${detail ? ` (${detail})` : ''}`,
      advice: `use a name of the certificate in ${address}, or a certificate with the name that is used`,
    }
  }
  if (REFUSED.test(code)) {
    return {
      reason: `it does not accept our certificate, or we have none (${code.replace(/^.*ALERT_/, '')})`,
      advice: `set ${tls}.cert and ${tls}.key to a certificate that it accepts`,
    }
  }
  if (NOT_TLS.has(code)) {
    return { reason: 'that port speaks no TLS', advice: `use the port for TLS in ${address}, or leave ${tls} out` }
  }
  if (NO_COMMON_TERMS.test(code)) {
    const reason = `it and we have no TLS version or cipher in common, or it wants a certificate (${code})`
    return { reason, advice: `allow TLS 1.2 or newer there, or set ${tls}.cert and ${tls}.key` }
  }
  return undefined
}
