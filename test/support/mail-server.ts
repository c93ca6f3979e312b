import type { AddressInfo, Socket } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server'

export interface TakenMail {
  readonly from: string
  readonly to: readonly string[]
  readonly raw: string
  readonly parsed: ParsedMail
  readonly secure: boolean
}

/** What goes wrong, each from now on until it is set otherwise. */
export interface MailFaults {
  /** Answer to `MAIL FROM`, to `RCPT TO` of an address that matches, and to the mail itself. */
  sender?: string | undefined
  recipient?: { readonly match: RegExp; readonly reply: string } | undefined
  mail?: string | undefined
  /** The connection is cut: at `MAIL FROM`, or when the mail is there and before it is answered. */
  cut?: 'sender' | 'mail' | undefined
  /** The mail is taken, and its answer waits for `release`. */
  hold?: boolean | undefined
}

export interface MailServer {
  readonly url: string
  readonly port: number
  readonly mails: TakenMail[]
  /** Mails that came in whole, answered or not. */
  received: number
  connections: number
  /** Changes with every byte that comes or goes. */
  readonly traffic: number
  readonly faults: MailFaults
  release(): void
  cutAll(): void
  close(): Promise<void>
}

/** A real mail server on this machine, and the ways in which one fails. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const faults: MailFaults = {}
  const mails: TakenMail[] = []
  const held: (() => void)[] = []
  const server = new SMTPServer({
    authOptional: true,
    // Who asks is known, and a name server may be slow to say so.
    disableReverseLookup: true,
    disabledCommands: options.key ? [] : ['STARTTLS'],
    logger: false,
    closeTimeout: 100,
    onConnect(_session, done) {
      state.connections++
      done()
    },
    onMailFrom(_address, _session, done) {
      if (faults.cut === 'sender') cutAll()
      else done(refusal(faults.sender))
    },
    onRcptTo({ address }, _session, done) {
      done(faults.recipient?.match.test(address) ? refusal(faults.recipient.reply) : null)
    },
    onData(stream, session, done) {
      read(stream).then(async raw => {
        state.received++
        if (faults.cut === 'mail') return cutAll()
        if (faults.hold) await new Promise<void>(resolve => held.push(resolve))
        const no = refusal(faults.mail)
        if (!no) mails.push(await taken(raw, session))
        done(no)
      })
    },
    ...options,
  })
  server.on('error', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  const sockets = () => [...(server.connections as unknown as Set<{ _socket: Socket }>)].map(({ _socket }) => _socket)
  const cutAll = () => {
    for (const socket of sockets()) socket.destroy()
  }
  const state: MailServer = {
    url: `smtp://127.0.0.1:${port}`,
    port,
    mails,
    received: 0,
    connections: 0,
    get traffic() {
      return sockets().reduce((sum, socket) => sum + socket.bytesRead + socket.bytesWritten, state.connections)
    },
    faults,
    cutAll,
    release: () => {
      for (const answer of held.splice(0)) answer()
    },
    close: () =>
      new Promise(resolve => {
        server.close(resolve)
        cutAll()
      }),
  }
  return state
}

/** `451 4.3.0 later` */
function refusal(reply: string | undefined): Error | null {
  if (reply === undefined) return null
  return Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) })
}

async function read(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function taken(raw: string, { envelope, secure }: SMTPServerSession): Promise<TakenMail> {
  const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
  const to = envelope.rcptTo.map(({ address }) => address)
  return { from, to, raw, parsed: await simpleParser(raw), secure }
}
