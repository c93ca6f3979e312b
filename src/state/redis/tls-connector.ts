import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { AbstractConnector, type RedisOptions } from 'ioredis'

/**
 * ioredis listens for the first error of a connection only. A TLS connection can have two, as the refusal of our
 * certificate comes after the handshake and does not end it: the second, heard by nobody, would end the process.
 */
export class TlsConnector extends AbstractConnector {
  readonly #options: ConnectionOptions

  /** @param options ioredis's, complete with its defaults. */
  constructor(options: unknown) {
    const { host, port, family, tls, disconnectTimeout } = options as RedisOptions
    super(disconnectTimeout!)
    this.#options = { host, port, family, ...tls } as ConnectionOptions
  }

  async connect(): Promise<TLSSocket> {
    const stream = connect(this.#options)
    stream.on('error', () => stream.destroy())
    this.stream = stream
    return stream
  }
}
