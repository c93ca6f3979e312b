import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { countDown } from '../http/server.ts'

export interface CaughtMail {
  readonly from: string
  readonly to: readonly string[]
  /** Headers and body as they came. */
  readonly raw: string
}

/** Live switches. */
export interface SandboxMailFaults {
  /** The next n mails are taken, and nobody is told so: the caller waits until it has had enough. */
  holdNext: number
  /** The next n mails are read to their end, kept nowhere and not answered. */
  loseNext: number
}

export interface SandboxMail {
  /** smtp:// */
  readonly url: string
  readonly port: number
  readonly mails: readonly CaughtMail[]
  readonly faults: SandboxMailFaults
  /** Called with each mail that comes from now on. */
  onMail(heard: (mail: CaughtMail) => void): void
  stop(): Promise<void>
}

export interface SandboxMailOptions {
  readonly port?: number
  readonly host?: string
}

/** A mail server that takes every mail and delivers none: just enough of RFC 5321 for a client on this machine. */
export async function startSandboxMail(options: SandboxMailOptions = {}): Promise<SandboxMail> {
  const mails: CaughtMail[] = []
  const heard: ((mail: CaughtMail) => void)[] = []
  const faults: SandboxMailFaults = { holdNext: 0, loseNext: 0 }
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    converse(socket, mail => {
      if (countDown<'loseNext'>(faults, 'loseNext')) return false
      mails.push(mail)
      for (const hear of heard) hear(mail)
      return !countDown<'holdNext'>(faults, 'holdNext')
    })
  })
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `smtp://${host}:${port}`,
    port,
    mails,
    faults,
    onMail: hear => void heard.push(hear),
    stop: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** @param taken tells whether the sender may know. */
function converse(socket: Socket, taken: (mail: CaughtMail) => boolean): void {
  let [rest, from, to] = ['', '', [] as string[]]
  let lines: string[] | undefined
  const say = (reply: string) => socket.write(`${reply}\r\n`)
  const command = (line: string) => {
    const [verb = ''] = line.split(/[\s:]/, 1)
    const address = /<([^>]*)>/.exec(line)?.[1] ?? ''
    switch (verb.toUpperCase()) {
      case 'EHLO':
        return say('250-sandbox\r\n250-8BITMIME\r\n250 SMTPUTF8')
      case 'MAIL':
        ;[from, to] = [address, []]
        return say('250 OK')
      case 'RCPT':
        to.push(address)
        return say('250 OK')
      case 'DATA':
        lines = []
        return say('354 go on')
      case 'QUIT':
        say('221 bye')
        return socket.end()
      case 'HELO':
      case 'NOOP':
      case 'RSET':
        return say('250 OK')
      default:
        return say('502 not here')
    }
  }
  const take = (line: string) => {
    if (!lines) return command(line)
    // A dot at the start of a line of the mail is doubled on the way.
    if (line !== '.') return void lines.push(line.startsWith('.') ? line.slice(1) : line)
    const mail = { from, to, raw: lines.join('\r\n') }
    lines = undefined
    if (taken(mail)) say('250 taken')
  }
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    const parts = (rest + text).split('\r\n')
    rest = parts.pop()!
    for (const line of parts) take(line)
  })
  say('220 sandbox')
}
