import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'

export interface Certificate {
  readonly cert: string
  /** PKCS #8. */
  readonly key: string
}

export interface CertificateWish {
  /** Names or IPv4 addresses that it is good for. */
  readonly hosts: readonly string[]
  readonly validUntil?: Date
}

/** Signs certificates for tests, in the form of RFC 5280, with nothing but Node. */
export class CertificateAuthority {
  readonly #name: Buffer
  readonly #key = newKey()
  /** For those who trust it. */
  readonly pem: string

  constructor(name: string) {
    this.#name = commonName(name)
    const extensions = [extension('basicConstraints', sequence(TRUE), true)]
    this.pem = this.#sign(this.#name, this.#key, later(1), extensions)
  }

  issue(name: string, { hosts, validUntil = later(1) }: CertificateWish): Certificate {
    const key = newKey()
    const names = hosts.map(host => (isIPv4(host) ? tagged(0x87, address(host)) : tagged(0x82, Buffer.from(host))))
    const extensions = [extension('subjectAltName', sequence(...names))]
    const cert = this.#sign(commonName(name), key, validUntil, extensions)
    return { cert, key: key.export({ type: 'pkcs8', format: 'pem' }) as string }
  }

  #sign(subject: Buffer, subjectKey: KeyObject, validUntil: Date, extensions: readonly Buffer[]): string {
    const certificate = sequence(
      tagged(0xa0, VERSION_3),
      // Positive, whatever the dice say.
      tagged(0x02, Buffer.from([1]), randomBytes(8)),
      ECDSA_SHA256,
      this.#name,
      sequence(time(later(-2)), time(validUntil)),
      subject,
      createPublicKey(subjectKey).export({ type: 'spki', format: 'der' }),
      tagged(0xa3, sequence(...extensions)),
    )
    const signature = tagged(0x03, NO_UNUSED_BITS, sign('sha256', certificate, this.#key))
    return pem(sequence(certificate, ECDSA_SHA256, signature))
  }
}

const OBJECTS = {
  commonName: '550403',
  basicConstraints: '551d13',
  subjectAltName: '551d11',
  ecdsaWithSha256: '2a8648ce3d040302',
}

const TRUE = tagged(0x01, Buffer.from([0xff]))
const VERSION_3 = tagged(0x02, Buffer.from([2]))
const NO_UNUSED_BITS = Buffer.from([0])
const ECDSA_SHA256 = sequence(object('ecdsaWithSha256'))

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
}

function later(days: number): Date {
  return new Date(Date.now() + days * 86_400_000)
}

function commonName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(object('commonName'), tagged(0x0c, Buffer.from(name)))))
}

function extension(name: keyof typeof OBJECTS, value: Buffer, critical = false): Buffer {
  return sequence(object(name), ...(critical ? [TRUE] : []), tagged(0x04, value))
}

function object(name: keyof typeof OBJECTS): Buffer {
  return tagged(0x06, Buffer.from(OBJECTS[name], 'hex'))
}

/** UTCTime, which ends with 2049. */
function time(date: Date): Buffer {
  return tagged(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replaceAll(/\D/g, '')}Z`))
}

function address(ip: string): Buffer {
  return Buffer.from(ip.split('.').map(Number))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

/** DER: tag, length, value. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts)
  const { length } = value
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), value])
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`
}
