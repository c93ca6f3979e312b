import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/config/config.ts'
import { FORM, failuresOf, resultsOf, type TestFiles } from './support.ts'

const CALLS = `
systems:
  api: { type: http, url: "\${API_URL}/v2" }
  mail: { type: email, url: "\${SMTP_URL}", from: crm@example.com }
connectors:
  form: { type: webhook, path: /hooks/form, verify: { scheme: standard, secret: "\${FORM_SECRET}" }, key: data.email }
flows:
  ask:
    from: form
    steps:
      - request: { in: api, method: GET, path: /people, query: { email: data.email }, as: found }
      - request: { in: api, method: POST, path: /leads, body: { title: found.body.title }, id: tell }
`

const LEADS = `${FORM}
flows:
  leads:
    from: form
    steps:
      - upsert: { in: twenty, object: person, match: emails.primaryEmail, values: { emails: { primaryEmail: data.email }, jobTitle: data.?title } }
  greet:
    from: twenty.person
    steps:
      - filter: "'jobTitle' in event.changed"
      - create: { in: twenty, object: note, values: { title: "'Now ' + data.jobTitle" }, link: ["'person/' + event.recordId"] }
`

async function problemsOf(files: TestFiles): Promise<string[]> {
  const thrown = await resultsOf(files).catch(error => error)
  if (!(thrown instanceof ConfigError)) throw new Error(`no problem: ${JSON.stringify(thrown)}`)
  return thrown.problems.map(({ line, column, path, message, suggestion }) =>
    [`${line}:${column} ${path}: ${message}`, ...(suggestion ? [suggestion] : [])].join(' => '),
  )
}

describe('a case', () => {
  it('begins with what is given, fields of its own and related records included', async () => {
    const given = `
given:
  fields: { twenty: { person: { leadScore: NUMBER, tier: { type: SELECT, options: [HOT, COLD] } } } }
cases:
  one:
    given:
      members: { twenty: [{ name: Sam Sales, email: sam@example.com }] }
      records:
        twenty:
          company: [{ name: Example }, { name: Other }]
          person: [{ emails: { primaryEmail: ada@example.com }, leadScore: 7, tier: HOT, company: { name: Example } }]
    do:
      - update: { object: person, where: { emails: { primaryEmail: ada@example.com } }, values: { jobTitle: CTO }, by: sam@example.com }
    expect:
      records:
        twenty:
          person: [{ leadScore: 7, tier: HOT, company: { name: Example }, jobTitle: CTO, updatedBy: { name: Sam Sales } }]
          company: 2
          note: [{ title: Now CTO, noteTargets: [{ targetPerson: { jobTitle: CTO } }] }]
  two:
    expect: { records: { twenty: { person: 0, company: 0, workspaceMember: 2 } } }
`
    expect(await failuresOf({ config: LEADS, test: given })).toEqual([])
  })

  it('shows each difference at its line', async () => {
    const test = `
cases:
  one:
    do:
      - post: { to: form, json: { email: ada@example.com, title: CTO } }
    expect:
      records:
        twenty:
          person:
            - emails: { primaryEmail: ada@example.com }
              jobTitle: CEO
          note: 1
          task: [{ title: Call }]
      mails: 0
      skipped: { greet: { filtered: 1 }, lead: {} }
`
    expect(await failuresOf({ config: LEADS, test })).toEqual([
      '11:25 cases.one.expect.records.twenty.person[0].jobTitle: expected "CEO", found "CTO"',
      '12:17 cases.one.expect.records.twenty.note: how many: note, expected 1, found 0',
      '13:18 cases.one.expect.records.twenty.task[0]: task: there is none like this',
      '15:37 cases.one.expect.skipped.greet.filtered: how many: filtered, expected 1, found 0',
      '15:42 cases.one.expect.skipped.lead: nothing is called "lead" here; is leads meant?',
    ])
  })

  it('ends with the first step that does not go as it says', async () => {
    const test = `
cases:
  refused:
    do:
      - post: { to: form, signed: false, json: {} }
      - post: { to: nobody, json: {} }
  unknown:
    do: [{ post: { to: from, json: {} } }]
  none:
    do: [{ update: { object: person, where: { jobTitle: CTO }, values: { jobTitle: CEO } } }]
  meanwhile:
    do:
      - expect: { records: { twenty: { person: 1 } } }
      - post: { to: /hooks/form, json: { email: ada@example.com } }
`
    const [refused, ...rest] = await failuresOf({ config: LEADS, test })
    expect(refused).toMatch(/^5:9 cases\.refused\.do\[0\]\.post\.status: .*NOT_VERIFIED.*, expected "2xx", found 401$/)
    expect(rest).toEqual([
      '8:12 cases.unknown.do[0].post: this cannot be done: nothing takes requests under the name "from"; is form meant?',
      '10:12 cases.none.do[0].update: this cannot be done: 0 records of person are as `where` says; it must tell one',
      '13:48 cases.meanwhile.do[0].expect.records.twenty.person: how many: person, expected 1, found 0',
    ])
  })

  it('fails for dead letters and waiting events that it does not speak of', async () => {
    const test = `
answers:
  api:
    - { path: /people, query: { email: bad@example.com }, answer: { status: 422, text: no such person } }
    - { path: /people, answer: { json: { title: CTO } } }
cases:
  dead:
    do: [{ post: { to: form, json: { email: bad@example.com } } }]
  said:
    do: [{ post: { to: form, json: { email: bad@example.com } } }]
    expect: { deadLetters: [{ step: request-api, status: 422, data: { email: bad@example.com } }] }
`
    const [dead, ...rest] = await failuresOf({ config: CALLS, test })
    expect(dead).toMatch(/^7:3 : a dead letter that the test does not expect: ask, step request-api: REQUEST_REFUSED: /)
    expect(rest).toEqual([])
  })

  it('takes numbers for the texts that parameters are, and for nothing else', async () => {
    const config = CALLS.replace('email: data.email }, as: found', 'page: 2, tag: [1, 2], open: true }, as: found')
    const test = `
answers:
  api:
    - { method: GET, query: { page: 2, tag: [1, "2"], open: true }, answer: { json: { title: 3 } } }
    - { method: POST, answer: {} }
cases:
  one:
    do: [{ post: { to: form, json: { email: ada@example.com } } }]
    expect:
      calls:
        api: { $includes: [{ query: { page: "2", tag: { $count: 2 } } }, { json: { title: "3" } }] }
`
    expect(await failuresOf({ config, test })).toEqual([
      '11:91 cases.one.expect.calls.api["$includes"][1].json.title: expected "3", found 3',
    ])
  })

  it('answers for other systems, one answer after the other, and tells of calls without one', async () => {
    const test = `
answers:
  api:
    - { method: POST, path: /leads, answer: [{ status: 503 }, { json: { ok: true } }] }
cases:
  again:
    answers: { api: [{ query: { email: ada@example.com }, answer: { json: { title: CTO } } }] }
    do: [{ post: { to: form, json: { email: ada@example.com } } }]
    expect:
      calls:
        api:
          - { method: GET, path: /people, query: { email: ada@example.com } }
          - { method: POST, path: /leads, json: { title: CTO } }
          - { method: POST, path: /leads, json: { title: CTO } }
  without:
    do: [{ post: { to: form, json: { email: eve@example.com } } }]
    expect: { deadLetters: 1 }
  lost:
    answers:
      api:
        - { path: /people, answer: { json: { title: CTO } } }
        - { method: POST, answer: { fails: lost } }
    do: [{ post: { to: form, json: { email: ada@example.com } } }]
    expect: { deadLetters: [{ code: OUTCOME_UNKNOWN }], calls: { api: 2 } }
`
    expect(await failuresOf({ config: CALLS, test })).toEqual([
      '15:3 : there is no answer for a call to api; `answers` says what it gets, found ' +
        '{"method":"GET","path":"/people","query":{"email":"eve@example.com"}}',
    ])
  })

  it('lets time pass: what waits is tried again, and digests leave', async () => {
    const config = CALLS.replace(
      / {6}- request: \{ in: api, method: POST[^\n]*\n/,
      `      - send: { via: mail, to: team@example.com, subject: "{{ count }} leads", text: "{{ items | map: 'title' | join }}", data: { title: found.body.title }, digest: { every: 1h } }\n`,
    )
    const test = `
now: 2026-03-01T12:00:00Z
answers:
  api:
    - { query: { email: late@example.com }, answer: { status: 503 } }
    - { answer: { json: { title: CTO } } }
cases:
  digest:
    do:
      - post: { to: form, json: { email: a@example.com } }
      - after: 30m
      - post: { to: form, json: { email: b@example.com } }
      - expect: { mails: 0 }
      - after: 30m
    expect: { mails: [{ via: mail, from: crm@example.com, to: team@example.com, subject: 2 leads, text: CTO CTO }] }
  waiting:
    do: [{ post: { to: form, json: { email: late@example.com } } }]
    expect: { waiting: { ask: 1 } }
  unsaid:
    do: [{ post: { to: form, json: { email: late@example.com } } }]
`
    const failures = await failuresOf({ config, test })
    expect(failures).toHaveLength(1)
    expect(failures[0]).toMatch(/^19:3 : flow ask: 1 events wait for another try after SYSTEM_UNAVAILABLE: /)
  })

  it('sees bodies of every kind, and a delivery that is repeated', async () => {
    const test = `
cases:
  kinds:
    do:
      - post: { to: form, form: { email: form@example.com } }
      - post: { to: form, multipart: { email: multi@example.com, title: CTO } }
      - post: { to: form, json: { email: json@example.com }, times: 3 }
      - post: { to: form, text: "{", headers: { Content-Type: application/json }, status: 400 }
    expect:
      records: { twenty: { person: [{ jobTitle: null }, { jobTitle: CTO }, { emails: { primaryEmail: json@example.com } }] } }
`
    expect(await failuresOf({ config: LEADS, test })).toEqual([])
  })

  it('runs code as it is', async () => {
    const config = LEADS.replace('- upsert', '- code: { file: ./code.ts, adds: [email] }\n      - upsert').replace(
      'primaryEmail: data.email',
      'primaryEmail: email',
    )
    const code = 'export default ({ data }: any) => ({ email: String(data.email).toLowerCase() })\n'
    const test = `
cases:
  one:
    do: [{ post: { to: form, json: { email: ADA@example.com } } }]
    expect: { records: { twenty: { person: [{ emails: { primaryEmail: ada@example.com } }] } } }
`
    expect(await failuresOf({ config, test, others: { 'code.ts': code } })).toEqual([])
  })

  it('launches by hand, and tries dead letters again', async () => {
    const config = `${LEADS}
  import: { from: [lists.person], steps: [{ update: { in: twenty, object: person, recordId: data.id, values: { jobTitle: data.title } } }] }
`.replace('connectors:', 'connectors:\n  lists: { type: manual, objects: [person] }')
    const test = `
cases:
  one:
    given: { records: { twenty: { person: [{ id: 11111111-1111-4111-8111-111111111111, jobTitle: CTO }] } } }
    do:
      - trigger: { source: lists.person, data: { title: CEO }, list: [{ id: 11111111-1111-4111-8111-111111111111 }] }
      - expect: { records: { twenty: { person: [{ jobTitle: CEO }] } } }
      - post: { to: form, json: { title: CTO } }
      - expect: { deadLetters: [{ flow: leads, code: MISSING_FIELD }] }
      - redrive: leads
    expect: { deadLetters: 1 }
`
    expect(await failuresOf({ config, test })).toEqual([])
  })

  it('may say of what there is that it includes something', async () => {
    const test = `
cases:
  one:
    given: { records: { twenty: { person: [{ jobTitle: CTO }, { jobTitle: CEO }, { jobTitle: CIO }] } } }
    expect: { records: { twenty: { person: { $includes: [{ jobTitle: CEO }, { jobTitle: CFO }] } } } }
`
    expect(await failuresOf({ config: LEADS, test })).toEqual([
      expect.stringMatching(
        /^5:90 .*person\.\$includes\[1\]\.jobTitle: expected "CFO", found "C[TI]O"$|^5:\d+ cases\.one\.expect\.records\.twenty\.person\["\$includes"\]\[1\]\.jobTitle: expected "CFO", found "CTO"$/,
      ),
    ])
  })

  it('says what the workspace has against the config, at its line', async () => {
    const config = LEADS.replace('jobTitle: data.?title', 'jobTitel: data.?title')
    const [failure] = await failuresOf({ config, test: 'cases: { one: {} }' })
    expect(failure).toMatch(/^11:\d+ flows\.leads\.steps\[0\]\.upsert\.values\.jobTitel: .*jobTitle/)
  })

  it('tells what happened when it fails', async () => {
    const test = 'cases: { one: { do: [{ post: { to: form, json: {} } }], expect: { deadLetters: 0 } } }'
    const [result] = await resultsOf({ config: LEADS, test })
    expect(result!.story).toMatchObject([
      {
        type: 'form.received',
        flows: [{ flow: 'leads', outcome: 'dead letter', reason: expect.stringMatching(/MISSING_FIELD/) }],
      },
    ])
  })

  it('is chosen by a part of its name', async () => {
    const results = await resultsOf({ config: LEADS, test: 'cases: { a lead: {}, a note: {} }' }, 'note')
    expect(results.map(({ name, ok }) => [name, ok])).toEqual([['a note', true]])
  })
})

describe('a test file that is wrong', () => {
  it('says where, what, and what would be right, all at once', async () => {
    const test = `
cases:
  one:
    dow: [{ after: 1h }]
    do:
      - { post: { to: form }, after: 1h }
      - { after: soon }
      - {}
    expect: { mail: 1, records: [] }
`
    expect(await problemsOf({ config: LEADS, test })).toEqual([
      '4:5 cases.one.dow: there is no key `dow` here => do',
      expect.stringMatching(/^7:18 cases\.one\.do\[1\]\.after: /),
      '9:15 cases.one.expect.mail: there is no key `mail` here => mails',
      '9:33 cases.one.expect.records: this must be a map, and is a list',
    ])
    expect(
      await problemsOf({ config: LEADS, test: 'cases:\n  one:\n    do: [{ post: { to: form }, after: 1h }, {}]' }),
    ).toEqual([
      '3:10 cases.one.do[0]: a step is one thing, and this is 2 => one of post, create, update, delete, trigger, after, redrive, expect in each',
      '3:45 cases.one.do[1]: a step says what happens => one of post, create, update, delete, trigger, after, redrive, expect in each',
    ])
  })

  it('says when its config is not there, or wrong', async () => {
    expect(await problemsOf({ config: LEADS, test: 'config: ./gone.yaml\ncases: {}' })).toEqual([
      expect.stringMatching(/^1:9 config: the file .*gone\.yaml cannot be read: it does not exist/),
    ])
    expect(await problemsOf({ config: `${LEADS}\nflow: {}`, test: 'cases: { one: {} }' })).toEqual([
      expect.stringMatching(/there is no key `flow` here => flows/),
    ])
  })

  it('says so where a system has no stand-in', async () => {
    const config = FORM.replace(
      'connectors:',
      '  base: { type: postgres, url: "${DATABASE_URL}", tables: { leads: { table: leads, id: id, updatedAt: updated_at } } }\nconnectors:',
    )
    expect(await problemsOf({ config, test: 'cases: { one: {} }' })).toEqual([
      '4:3 systems.base: cases cannot run on a config with a Postgres system: nothing stands in for a database',
    ])
  })

  it('gives variables that it names, and makes up the others', async () => {
    const test = `
env: { FORM_KEY: known }
cases:
  one:
    do: [{ post: { to: /hooks/form, signed: false, headers: { x-key: "\${FORM_KEY}" }, json: { email: "\${WHOEVER}@example.com" } } }]
    expect: { records: { twenty: { person: [{ emails: { primaryEmail: test-whoever@example.com } }] } } }
`
    expect(await failuresOf({ config: LEADS, test })).toEqual([])
  })
})
