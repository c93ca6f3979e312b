import { readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startSandboxMail } from '../../sandbox/mail/server.ts'
import { createWorkspace, type Workspace } from '../../sandbox/twenty/workspace.ts'
import { nodeBackend } from '../../src/cli/node-shell.ts'
import type { HttpRequest, HttpTransport } from '../../src/environment.ts'
import { settle, VirtualClock } from '../support/virtual-clock.ts'
import { FORM, written } from '../testing/support.ts'
import { FakeShell } from './fake-shell.ts'

const CONFIG = `${FORM}
flows:
  leads:
    from: form
    steps:
      - validate: { schema: { required: [email] } }
      - dedupe: { by: data.email, within: 24h }
      - transform: { email: data.email.lowerAscii() }
      - find: { in: twenty, object: person, by: { emails.primaryEmail: email }, as: known }
      - upsert: { in: twenty, object: person, match: emails.primaryEmail, onMatch: overwrite, values: { emails: { primaryEmail: email }, jobTitle: data.title }, as: person }
      - create: { in: twenty, object: note, when: "data.title == 'CEO'", values: { title: "'Boss'" } }
      - create: { in: twenty, object: task, values: { title: "'Call ' + email" }, link: [person] }
  gone:
    from: twenty.person.created
    steps:
      - update: { in: twenty, object: person, recordId: event.recordId, onMissing: skip, values: { jobTitle: "'CTO'" }, as: person }
      - filter: { id: is-there, keep: person != null }
  people:
    from: [twenty.person.created, twenty.person.updated]
    steps:
      - filter: "'jobTitle' in event.changed"
`

const VARIABLES = { TWENTY_URL: 'https://twenty.test', TWENTY_API_KEY: 'test-key', FORM_KEY: 'form-key' }

/** A Twenty with Ada in it, and a command line that reaches it. */
function bench(config = CONFIG) {
  const file = written({ config, test: '' })
  const clock = new VirtualClock()
  let ids = 0
  const uuid = () => `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}`
  const send = async () => 204
  const workspace = createWorkspace({ apiKey: VARIABLES.TWENTY_API_KEY, clock, random: () => 0.5, uuid, send })
  workspace.seed('person', { emails: { primaryEmail: 'ada@example.com' }, jobTitle: 'CTO' })
  const requests: HttpRequest[] = []
  const shell = new FakeShell({
    folder: dirname(file),
    variables: { ...VARIABLES, TWENTY_SYNC_CONFIG: 'flow.yaml' },
    backend: { loadConfig: nodeBackend.loadConfig, tryEvent: nodeBackend.tryEvent },
    http: reaching(workspace, requests),
  })
  return { shell, workspace, requests, folder: dirname(file), sample: (data: object) => sampleBeside(file, data) }
}

function sampleBeside(file: string, data: object): string {
  writeFileSync(join(dirname(file), 'sample.json'), JSON.stringify(data))
  return 'sample.json'
}

function reaching(workspace: Workspace, requests: HttpRequest[]): HttpTransport {
  return async request => {
    requests.push(request)
    const { origin, pathname, search } = new URL(request.url)
    if (origin !== VARIABLES.TWENTY_URL) return { status: 200, headers: {}, body: Buffer.from('known') }
    const { method, headers = {}, body } = request
    const answer = workspace.handle({
      method,
      url: pathname + search,
      headers,
      ...(body !== undefined && { body: String(body) }),
    })
    return { status: answer.status, headers: {}, body: Buffer.from(JSON.stringify(answer.body ?? null)) }
  }
}

/** Runs the command while time goes on. */
async function attempt(shell: FakeShell, ...args: string[]): Promise<number> {
  let code: number | undefined
  void shell.run('try', ...args).then(ended => {
    code = ended
  })
  while (code === undefined) {
    await settle()
    await shell.clock.advance(shell.clock.nextTimerIn ?? 1)
  }
  return code
}

it('shows what each step gives and what would be written, and writes nothing', async () => {
  const { shell, workspace, requests, sample } = bench()
  const code = await attempt(shell, 'leads', sample({ email: 'ADA@example.com', title: 'CIO' }))
  expect(code, shell.stderr.text).toBe(0)
  expect(shell.stdout.text.replace(/[\da-f]{8}-[\da-f-]{27}/g, '<id>')).toMatchInlineSnapshot(`
    "form.received received/<id>
      validate  goes on
      dedupe  goes on
      transform  {"email":"ada@example.com"}
      find-person  [{"id":"<id>","createdAt":"2026-11-24T10:00:00.000Z","updatedAt":"2026-11-24T10:00:00.000Z","deletedAt":null,"createdBy":{"source":"MANUAL","workspaceMemberId":null,"n…
      upsert-person
        update person/<id>
          ~ jobTitle  "CTO" -> "CIO"
      create-note  passed over: its \`when\` is not true
      create-task
        create task/<id>
          + title  "Call ada@example.com"
          + links  [{"object":"person","id":"00000000-0000-4000-8000-000000000…

    done: the live flow would write 1 x update person, 1 x create task; nothing was written now
    "
  `)
  expect(requests.filter(({ method }) => method !== 'GET')).toEqual([])
  expect(workspace.rows('person')).toMatchObject([{ jobTitle: 'CTO' }])
})

it('tries the same sample again: it is no duplicate', async () => {
  const { shell, sample } = bench()
  const file = sample({ email: 'eve@example.com', title: 'CEO' })
  expect(await attempt(shell, 'leads', file)).toBe(0)
  expect(await attempt(shell, 'leads', file)).toBe(0)
  expect(shell.stdout.text.match(/1 x create person, 1 x create note, 1 x create task/g)).toHaveLength(2)
})

it('ends at the first step that fails, and says why', async () => {
  const { shell, sample } = bench()
  expect(await attempt(shell, 'leads', sample({ title: 'CIO' }), '--json')).toBe(1)
  expect(shell.json).toMatchObject({
    outcome: 'failed',
    error: { code: 'VALIDATION_FAILED' },
    steps: [{ step: 'validate', outcome: 'failed', error: { code: 'VALIDATION_FAILED' } }],
  })
})

it('is an event of what is asked for, with the fields that changed', async () => {
  const { shell, sample } = bench()
  const file = sample({ id: 'p1', jobTitle: 'CEO' })
  const tried = async (...args: string[]) => {
    shell.stdout.text = ''
    await attempt(shell, 'people', file, '--json', ...args)
    return shell.json
  }
  expect(await tried()).toMatchObject({
    event: { type: 'person.created' },
    outcome: 'skipped',
    reason: 'filtered: filter',
  })
  expect(await tried('--from', 'twenty.person.updated', '--changed', 'jobTitle')).toMatchObject({
    event: { type: 'person.updated', changed: ['jobTitle'], subject: 'person/p1' },
    outcome: 'done',
  })
  expect(await tried('--from', 'twenty.person.deleted')).toMatchObject({
    outcome: 'skipped',
    reason: 'the flow does not read person.deleted of twenty',
  })
})

it('says when there is no such flow', async () => {
  const { shell, sample } = bench()
  expect(await attempt(shell, 'lead', sample({}))).toBe(1)
  expect(shell.stderr.text).toMatch(/no flow "lead"\. Did you mean "leads"\?/)
})

it('P7: nothing leaves and nothing is kept, whatever a step would do', async () => {
  const mail = await startSandboxMail()
  onTestFinished(() => mail.stop())
  const { shell, workspace, requests, folder, sample } = bench(`
systems:
  twenty: { type: twenty, url: "\${TWENTY_URL}", apiKey: "\${TWENTY_API_KEY}" }
  api: { type: http, url: https://api.test }
  mail: { type: email, url: "${mail.url}", from: crm@example.com }
connectors:
  form: { type: webhook, path: /hooks/form, verify: none }
flows:
  leads:
    from: form
    collect: { every: 1h, max: 100 }
    steps:
      - crossing: { value: data.size, above: 10, by: data.email, as: grew }
      - request: { in: api, method: GET, path: /known, as: known }
      - request: { id: post, in: api, path: /blind, body: data, when: grew }
      - request: { id: keyed, in: api, path: /keyed, body: data, idempotencyHeader: Idempotency-Key, caps: { perRecord: 1 } }
      - request: { id: batched, in: api, path: /batched, body: data, idempotent: true, batch: { size: 10 } }
      - send: { via: mail, to: sales@example.com, subject: "Lead", text: "{{ data.email }}" }
      - send: { id: later, via: mail, to: sales@example.com, subject: "Leads", text: "{{ count }}", digest: { every: 1h } }
      - each: { over: "[1, 2]", as: n, key: n, do: [{ create: { in: twenty, object: note, values: { title: "'Note'" } } }] }
      - delete: { in: twenty, object: person, match: emails.primaryEmail, values: { emails: { primaryEmail: "'ada@example.com'" } } }
`)
  const code = await attempt(shell, 'leads', sample({ email: 'ada@example.com', size: 12 }), '--json')
  expect(code, shell.stdout.text).toBe(0)
  const steps = (shell.json as { steps: { step: string; outcome: string }[] }).steps
  expect(steps.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
    'crossing done',
    'request-api done',
    'post planned',
    'keyed planned',
    'batched planned',
    'send-mail planned',
    'later planned',
    'create-note planned',
    'create-note planned',
    'delete-person planned',
  ])
  expect(requests.filter(({ method }) => method !== 'GET')).toEqual([])
  expect([workspace.rows('person').length, workspace.rows('note').length, mail.mails.length]).toEqual([1, 0, 0])
  expect(readdirSync(folder).sort()).toEqual(['flow.test.yaml', 'flow.yaml', 'sample.json'])
})

it('goes on from a write that is left out as the live flow does', async () => {
  const { shell, sample } = bench()
  expect(await attempt(shell, 'gone', sample({ id: '99999999-0000-4000-8000-000000000001' }))).toBe(0)
  expect(shell.stdout.text).toContain('update-person\n    nothing to write\n')
  expect(shell.stdout.text).toContain('is-there  the event ends here: filtered')
})

it('goes on behind a write with what it is told that the write would give, and asks for it where that is missing', async () => {
  const { shell, requests, sample } = bench(`
systems:
  twenty: { type: twenty, url: "\${TWENTY_URL}", apiKey: "\${TWENTY_API_KEY}" }
  api: { type: http, url: https://api.test }
connectors:
  form: { type: webhook, path: /hooks/form, verify: none }
flows:
  leads:
    from: form
    steps:
      - request: { id: enrol, in: api, path: /enrolments, body: data, idempotent: true, as: answer }
      - update: { in: twenty, object: person, match: { emails.primaryEmail: data.email }, onMatch: overwrite, values: { jobTitle: answer.body.title } }
`)
  const file = sample({ email: 'ada@example.com' })
  expect(await attempt(shell, 'leads', file)).toBe(1)
  expect(shell.stdout.text).toContain(`; enrol gave nothing, being not carried out: --answers '{"enrol": …}' says what`)
  const answers = ['--answers', '{"enrol":{"status":201,"body":{"title":"Countess"}}}']
  expect(await attempt(shell, 'leads', file, ...answers), shell.stderr.text).toBe(0)
  expect(shell.stdout.text).toContain('~ jobTitle  "CTO" -> "Countess"')
  expect(shell.stdout.text).toContain('would write 1 x send, 1 x update person; nothing was written now')
  expect(requests.filter(({ method }) => method !== 'GET')).toEqual([])
  expect(await attempt(shell, 'leads', file, '--answers', '{"enroll":{}}')).not.toBe(0)
  expect(shell.stderr.text).toContain('no step "enroll". Did you mean "enrol"?')
})
