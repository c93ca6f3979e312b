import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type Stack, startStack } from '../../scripts/stack/stack.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'

interface Letter {
  readonly flow: string
  readonly code: string
  readonly event: { readonly data: { readonly items?: readonly { readonly name: string }[] } }
}

describe('mails, and a daemon that is killed', () => {
  let server: MailServer
  let stack: Stack

  beforeAll(async () => {
    server = await startMailServer()
    stack = await startStack({
      engine: 'embedded',
      configs: ['test/e2e/config/mail.yaml'],
      env: { SMTP_URL: server.url },
    })
  }, 60_000)

  afterAll(async () => {
    await stack?.stop()
    await server?.close()
  })

  const post = (id: string) => stack.postForm({ id, email: `${id}@example.com`, name: 'Ada' })
  const subjects = () => server.mails.map(({ parsed }) => parsed.subject)
  const letters = async () => {
    const { stdout } = await stack.cli('dead-letters', 'list', '--json')
    return (JSON.parse(stdout) as { letter: Letter }[]).map(({ letter }) => letter)
  }

  it('sends one mail for an event that comes twice (P3)', async () => {
    expect([await post('one'), await post('one')]).toEqual([202, 202])
    await eventually('a mail', () => server.mails.length > 0)
    await stack.settled()
    expect(subjects()).toEqual(['Lead one'])
  }, 60_000)

  it('leaves one mail and one held entry when it dies before the answer to a mail (P2, P3)', async () => {
    server.faults.hold = true
    await post('two')
    await eventually('the mail is there', () => server.received === 2)
    await stack.daemon.end('SIGKILL')
    server.faults.hold = false
    server.release()
    await stack.daemon.start()
    await eventually('it is held', async () => (await letters()).length === 1)
    await stack.settled()
    expect(await letters()).toMatchObject([{ flow: 'mails', code: 'OUTCOME_UNKNOWN' }])
    expect([server.received, subjects()]).toEqual([2, ['Lead one', 'Lead two']])
  }, 90_000)

  it('sends later what the server puts off, and what it could not be reached for (P2)', async () => {
    server.faults.mail = '451 4.3.0 later'
    await post('three')
    await eventually('it was refused once', () => server.received === 3)
    server.faults.mail = undefined
    await eventually('it was taken', () => subjects().includes('Lead three'))
    expect(new Set(server.mails.map(({ parsed }) => parsed.messageId)).size).toBe(3)
  }, 60_000)

  it('makes one mail of each window of a digest, over kill -9 (P2, P3)', async () => {
    const report = async (name: string) => {
      const body = JSON.stringify({ name })
      const headers = { 'content-type': 'application/json' }
      return (await fetch(`${stack.url}/hooks/problem`, { method: 'POST', headers, body })).status
    }
    const digests = () => server.mails.filter(({ to }) => to.includes('data-team@example.com'))
    const named = () => digests().flatMap(({ parsed }) => String(parsed.html).match(/p\d+/g) ?? [])
    const names = Array.from({ length: 200 }, (_, n) => `p${n}`)
    for (const part of [names.slice(0, 100), names.slice(100)]) {
      expect(new Set(await Promise.all(part.map(report)))).toEqual(new Set([202]))
      await stack.daemon.end('SIGKILL')
      await stack.daemon.start()
    }
    // A mail that was on its way when the daemon died is held, with all that it tells of.
    const held = async () => {
      const events = (await letters()).filter(({ flow }) => flow === 'mail-digest').map(({ event }) => event.data)
      return events.flatMap(({ items = [] }) => items.map(({ name }) => name))
    }
    await eventually('all are told of, or held', async () => {
      return new Set([...named(), ...(await held())]).size === names.length
    })
    await stack.settled()
    expect(new Set(named()).size).toBe(named().length)
    expect(digests().length).toBeLessThan(8)
    expect(new Set(digests().map(({ parsed }) => parsed.messageId)).size).toBe(digests().length)
  }, 120_000)

  it('is told by `validate` whether the server is there', async () => {
    expect((await stack.cli('validate')).code).toBe(0)
    await server.close()
    const { code, stdout } = await stack.cli('validate')
    expect([code, stdout]).toEqual([3, expect.stringContaining('no connection to the mail server 127.0.0.1')])
  }, 60_000)
})
