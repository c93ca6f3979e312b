import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type Stack, startStack } from '../../scripts/stack/stack.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'

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
    return (JSON.parse(stdout) as { letter: { code: string } }[]).map(({ letter }) => letter.code)
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
    expect(await letters()).toEqual(['OUTCOME_UNKNOWN'])
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

  it('is told by `validate` whether the server is there', async () => {
    expect((await stack.cli('validate')).code).toBe(0)
    await server.close()
    const { code, stdout } = await stack.cli('validate')
    expect([code, stdout]).toEqual([3, expect.stringContaining('no connection to the mail server 127.0.0.1')])
  }, 60_000)
})
