import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pino from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type SandboxTwenty, startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { addFields } from '../../sandbox/workspace.ts'
import type { Problem } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import { startDaemon } from '../../src/runtime/daemon.ts'
import { verifyLive } from '../../src/runtime/verify-systems.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { until } from '../support/until.ts'

async function workspace(): Promise<SandboxTwenty> {
  const twenty = await startSandboxTwenty({ faults: { rateLimit: { enabled: false } } })
  onTestFinished(() => twenty.stop())
  return twenty
}

/** A config with these flows, in front of a stand-in for Twenty. */
function loaderOf(twenty: SandboxTwenty, flows: string, mail = false): () => ReturnType<typeof loadConfig> {
  const file = join(tempFolder(), 'twenty-sync.yaml')
  const system = `twenty: { type: twenty, url: "${twenty.url}", apiKey: "\${KEY}" }`
  const other = mail ? ', mail: { type: email, url: "smtp://127.0.0.1:9", from: crm@example.com }' : ''
  const engine = 'log: { type: memory }\nstate: { type: memory }\nserver: { port: 0 }'
  writeFileSync(
    file,
    `${engine}\nsystems: { ${system}${other} }\nconnectors: { by-hand: { type: manual } }\nflows:\n${flows}`,
  )
  return () => loadConfig([file], { env: { KEY: twenty.apiKey, FIELD: 'nam' } })
}

async function problemsOf(flows: string, twenty?: SandboxTwenty): Promise<Problem[]> {
  const config = await loaderOf(twenty ?? (await workspace()), flows, flows.includes('via: mail'))()
  const env = createEnvironment({ logger: pino({ level: 'silent' }) })
  return (await verifyLive(config, env, new AbortController().signal)).problems
}

/** What is said of a flow that reads this, people unless told otherwise. */
async function saidOf(expressions: readonly string[], from = 'twenty.person', twenty?: SandboxTwenty) {
  const list = expressions.map(expression => JSON.stringify(expression)).join(', ')
  return textsOf(await problemsOf(`  f: { from: ${from}, steps: [{ transform: { x: [${list}] } }] }\n`, twenty))
}

function textsOf(problems: readonly Problem[]): string[] {
  return problems.map(({ message, suggestion }) => message + (suggestion === undefined ? '' : ` | ${suggestion}`))
}

it('says where an expression reads a field that Twenty has not, and which one was meant', async () => {
  const flows = `
  welcome:
    from: twenty.person.created
    steps:
      - create: { in: twenty, object: note, values: { title: "'Welcome, ' + data.name.fristName" } }
      - filter: >-
          data.jobTitle != ''
          && data.jobTitel != 'CEO'
`
  expect(await problemsOf(flows)).toEqual([
    {
      file: expect.stringMatching(/twenty-sync\.yaml$/),
      line: 11,
      column: 87,
      path: 'flows.welcome.steps[0].create.values.title',
      rule: 'unknown-field',
      message: `data.name.fristName: Twenty's person.name has no field "fristName"`,
      suggestion: 'data.name.firstName',
    },
    {
      file: expect.anything(),
      line: 14,
      column: 19,
      path: 'flows.welcome.steps[1].filter',
      rule: 'unknown-field',
      message: `data.jobTitel: Twenty's person has no field "jobTitel"`,
      suggestion: 'data.jobTitle',
    },
  ])
})

it('knows fields, their parts, and what of relations is in a record', async () => {
  const wrong = {
    'data.nam': 'Twenty\'s person has no field "nam" | data.name',
    'data["nam"].firstName': 'Twenty\'s person has no field "nam" | data.name',
    'data.emails.primaryMail': 'Twenty\'s person.emails has no field "primaryMail" | data.emails.primaryEmail',
    'data.jobTitle.text': 'Twenty\'s person.jobTitle has no field "text"',
    'data.company.name':
      'Twenty\'s person has no field "company": of a related record there is the id; `find` reads the rest | data.companyId',
    'data.noteTargets':
      'Twenty\'s person has no field "noteTargets": related records are not part of a record; `find` reads them',
    'data.emails.additionalEmails.exists(e, e == data.mail)': 'Twenty\'s person has no field "mail"',
  }
  const said = await saidOf(Object.keys(wrong))
  expect(said.map(text => text.slice(text.indexOf(': ') + 2))).toEqual(Object.values(wrong))
  const right = [
    'data.name.firstName + data.emails.primaryEmail + data.linkedinLink.primaryLinkUrl + data.phones.primaryPhoneNumber',
    'data.emails.additionalEmails[0].anything',
    'data.companyId + data.id + data.createdAt + data.updatedAt + string(data.deletedAt) + string(data.position)',
    'data.createdBy.context.provider + data.updatedBy.source + data.createdBy.workspaceMemberId',
  ]
  expect(await saidOf(right)).toEqual([])
  expect(await saidOf(['data.amount.amountMicros', 'data.pointOfContactId'], 'twenty.opportunity')).toEqual([])
  expect(await saidOf(['data.bodyV2.markdown', 'data.bodyV2.text'], 'twenty.note')).toEqual([
    'data.bodyV2.text: Twenty\'s note.bodyV2 has no field "text" | one of markdown, blocknote',
  ])
})

it('says nothing of what may be absent, or may be anything', async () => {
  const open = [
    "data.?nam.orValue('')",
    "has(data.mail) && data.mail != ''",
    "'job' in data ? data.job : ''",
    'data[event.key].x',
    "[{'nam': 1}].map(data, data.nam)",
    'cel.bind(data, {"nam": 1}, data.nam)',
  ]
  expect(await saidOf(open)).toEqual([])
  expect(await saidOf(["data.exists(key, key == 'nam') ? data.nam : data.mail"])).toEqual([])
})

it('counts what an earlier step has asked for', async () => {
  const steps = (first: string) =>
    `steps: [{ filter: "${first}" }, { choose: [{ do: [{ transform: { x: data.nam } }] }] }]`
  expect(await problemsOf(`  f: { from: twenty.person, ${steps('has(data.nam)')} }\n`)).toEqual([])
  expect(await problemsOf(`  f: { from: twenty.person, ${steps('has(data.mail)')} }\n`)).toHaveLength(1)
})

it('reports of several objects only what none of them has', async () => {
  const reads = ['data.domainName.primaryLinkUrl', 'data.name.firstName', 'data.name.frist', 'data.nam']
  expect(await saidOf(reads, '[twenty.person.created, twenty.person.updated, twenty.company]')).toEqual([
    `data.name.frist: none of Twenty's person.name, Twenty's company.name has a field "frist" | one of firstName, lastName`,
    `data.nam: none of Twenty's person, Twenty's company has a field "nam" | data.name`,
  ])
  expect(await saidOf(reads, '[twenty.person, by-hand]')).toEqual([])
  expect(await saidOf(reads, 'by-hand')).toEqual([])
  const letters =
    '  f: { from: twenty.person, steps: [{ filter: "true" }] }\n  g: { from: f.dead-letters, steps: [{ filter: data.nam }] }'
  expect(await problemsOf(`${letters}\n`)).toEqual([])
})

it('reads every place of a flow that has expressions', async () => {
  const flows = `
  f:
    from: twenty.person
    collect: { every: 1m, by: data.a1 }
    steps:
      - filter: { keep: data.a2, when: data.a3 }
      - validate: { on: data.a4, schema: {} }
      - dedupe: { by: data.a5 }
      - score: { rules: [{ name: r, when: data.a6, points: data.a7 }], as: score }
      - crossing: { value: data.a8, below: 1, by: data.a9, as: fell }
      - choose: [{ when: data.b1, do: [{ filter: data.b2 }] }]
      - each: { over: data.b3, key: data.b4, when: data.b5, do: [{ filter: data.b6 }] }
      - upsert: { in: twenty, object: person, match: { jobTitle: data.b7 }, values: { name: { firstName: data.b8 } }, when: data.b9, key: data.c1 }
      - create: { in: twenty, object: task, values: { title: "'x'" }, body: data.c2, assignee: data.c3, link: [data.c4] }
      - each: { over: { find: { in: twenty, object: person, view: data.c5, filter: { or: [{ jobTitle: { eq: data.c6 } }] } } }, id: pages, do: [{ filter: 'true' }] }
`
  const names = (await problemsOf(flows)).map(({ message }) => message.slice(5, 7))
  const [a, b, c] = [9, 9, 6]
  const all = Object.entries({ a, b, c }).flatMap(([name, count]) =>
    [...Array(count).keys()].map(at => name + (at + 1)),
  )
  expect(names.sort()).toEqual(all)
})

describe('results of earlier steps', () => {
  it('are records, or lists of them', async () => {
    const flows = `
  f:
    from: by-hand
    steps:
      - find: { in: twenty, object: company, match: { domainName: data.domain }, as: company }
      - find: { in: twenty, object: person, by: { companyId: company.id }, as: people }
      - upsert: { in: twenty, object: person, match: emails.primaryEmail, values: { emails: { primaryEmail: data.mail } }, as: person }
      - transform:
          right: [company.name, company.object, company.created, "people[0].name.lastName", "people.map(p, p.companyId)", person.id]
          wrong: [company.domain, "people[0].mail", "people.map(p, p.name.fullName)", person.score]
      - each: { over: people, as: one, key: one.key, do: [{ filter: one.nam }, { filter: one.name }] }
      - each: { id: e2, over: people, as: some, batch: 10, do: [{ filter: "some[0].nam" }] }
      - each: { id: e3, over: { find: { in: twenty, object: company, filter: { name: { eq: data.x } } } }, as: it, do: [{ filter: it.nam }] }
      - each: { id: e4, over: { find: { in: twenty, object: company, recordId: data.x } }, as: only, do: [{ filter: only.nam }] }
`
    const said = (await problemsOf(flows)).map(({ message }) => message.replace(/ has .*/, ''))
    expect(said).toEqual([
      "company.domain: Twenty's company",
      "people[0].mail: Twenty's person",
      "p.name.fullName: Twenty's person.name",
      "person.score: Twenty's person",
      "one.key: Twenty's person",
      "one.nam: Twenty's person",
      "some[0].nam: Twenty's person",
      "it.nam: Twenty's company",
      "only.nam: Twenty's company",
    ])
  })

  it('are known where they were made, and nowhere else', async () => {
    const find = (object: string) => `find: { in: twenty, object: ${object}, recordId: data.id, as: found }`
    const flows = `
  f:
    from: by-hand
    steps:
      - choose:
          - { when: data.a, do: [{ ${find('person')} }, { filter: found.jobTitle }, { filter: found.domainName }] }
          - { when: data.b, do: [{ ${find('company')} }, { filter: found.jobTitle }, { filter: found.domainName }] }
          - { do: [{ transform: { found: data.c } }, { filter: found.jobTitle }] }
      - transform: { id: made, person: "{'nam': 1}", some: data.list }
      - filter: person.nam
      - each: { over: some, as: found, do: [{ filter: found.nam }] }
`
    expect(await saidWithPaths(flows)).toEqual([
      `[0].choose[0].do[2].filter found.domainName: Twenty's person has no field "domainName"`,
      `[0].choose[1].do[1].filter found.jobTitle: Twenty's company has no field "jobTitle"`,
    ])
  })
})

async function saidWithPaths(flows: string): Promise<string[]> {
  return (await problemsOf(flows)).map(({ path, message }) => `${path.replace('flows.f.steps', '')} ${message}`)
}

describe('templates of mails', () => {
  it('are read, where they stand and in their files', async () => {
    const template = join(tempFolder(), 'note.liquid')
    writeFileSync(template, '---\nsubject: "{{ data.nam }}"\n---\n<p>\n  {{ data.name.firstName }} {{ data.mail }}\n')
    const flows = `
  f:
    from: twenty.person
    steps:
      - send:
          via: mail
          to: rep@example.com
          subject: "{{ data.jobTitle }}, {{ data.name.fristName }}"
          text: |
            {{ data.city.size }} {{ event.time }}
            {{ data.companyId }}
      - send: { id: second, via: mail, to: rep@example.com, template: ${template} }
`
    const said = (await problemsOf(flows)).map(({ line, column, message, suggestion }) => [
      line,
      column,
      message.replace(/ has no field.*/, ''),
      suggestion,
    ])
    const file = (text: string) => expect.stringContaining(`note.liquid${text}`)
    expect(said).toEqual([
      [14, 45, "data.name.fristName: Twenty's person.name", 'data.name.firstName'],
      [16, 16, "data.city: Twenty's person", undefined],
      [18, 61, file(":5:32: data.mail: Twenty's person"), undefined],
      [18, 61, file(", subject:1:4: data.nam: Twenty's person"), 'data.name'],
    ])
  })

  it('may ask, have names of their own, and are silent of the rest', async () => {
    const flows = `
  f:
    from: twenty.person
    steps:
      - find: { in: twenty, object: person, by: { jobTitle: data.jobTitle }, as: items }
      - send:
          via: mail
          to: rep@example.com
          subject: "{% if data.b %}{{ data.b }}{% endif %} {{ data.a | default: 'x' }} {{ data[event.key].c }}"
          text: "{{ items[0].name.firstName }} {{ items.first.name.lastName }} {% for p in items %}{{ p.e }}{% endfor %} {{ data.name.size }}"
      - send: { id: own, via: mail, to: rep@example.com, subject: "{{ items[0].x }}", text: x, data: { items: "[{'x': 1}]" } }
      - send: { id: all, via: mail, to: rep@example.com, subject: "{{ items[0].x }}", text: x, digest: { every: 1h } }
`
    expect(await saidWithPaths(flows)).toEqual([])
    expect(await saidWithPaths(flows.replace('items[0].name.firstName', 'items[0].x'))).toEqual([
      `[1].send.text items[…].x: Twenty's person has no field "x"`,
    ])
  })
})

it('P9: says nothing of an expression that refers to a variable', async () => {
  expect(await saidOf(['data.${FIELD}'])).toEqual([])
})

function metadata(twenty: SandboxTwenty, method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${twenty.apiKey}` }
  return twenty.handle({ method, url: `/rest/metadata/${path}`, headers, ...(body && { body: JSON.stringify(body) }) })
}

function fieldId(twenty: SandboxTwenty, object: string, field: string): string {
  const { data } = metadata(twenty, 'GET', 'objects').body as {
    data: { objects: { nameSingular: string; fields: { id: string; name: string }[] }[] }
  }
  return data.objects.find(each => each.nameSingular === object)!.fields.find(each => each.name === field)!.id
}

it('knows what somebody has deactivated: webhooks still carry it', async () => {
  const twenty = await workspace()
  for (const field of ['jobTitle', 'company']) {
    const { status } = metadata(twenty, 'PATCH', `fields/${fieldId(twenty, 'person', field)}`, { isActive: false })
    expect(status).toBe(200)
  }
  expect(await saidOf(['data.jobTitle', 'data.companyId', 'data.jobTitel'], undefined, twenty)).toEqual([
    'data.jobTitel: Twenty\'s person has no field "jobTitel" | data.jobTitle',
  ])
})

it('a daemon starts all the same, and says it once in its log', async () => {
  const twenty = await workspace()
  addFields(twenty, { person: [{ name: 'badge', type: 'TEXT' }] })
  const load = loaderOf(twenty, '  f: { from: twenty.person, steps: [{ filter: data.badge }] }\n')
  metadata(twenty, 'DELETE', `fields/${fieldId(twenty, 'person', 'badge')}`)
  const lines: string[] = []
  const logger = pino({ level: 'warn' }, { write: line => void lines.push(JSON.parse(line).msg) })
  const daemon = await startDaemon({ config: await load(), load, env: createEnvironment({ logger }) })
  onTestFinished(() => daemon.stop('the test is over'))
  await until(async () =>
    (await daemon.operations.status()).systems.some(({ name, ready }) => name === 'twenty' && ready),
  )
  expect(lines).toEqual([
    expect.stringMatching(
      /yaml:\d+:\d+ flows\.f\.steps\[0\]\.filter: data\.badge: Twenty's person has no field "badge"/,
    ),
  ])
  expect(await daemon.reload()).toMatchObject({ ok: true })
})

it('finds nothing wrong with the shipped configs', async () => {
  const twenty = await workspace()
  addFields(twenty)
  const folder = resolve(import.meta.dirname, '../../config')
  const files = readdirSync(folder).filter(name => /(?<!\.test)\.yaml$/.test(name))
  const names = files.flatMap(name => readFileSync(join(folder, name), 'utf8').match(/(?<=\$\{)\w+(?=\})/g) ?? [])
  const secret = `whsec_${Buffer.from('a secret of some length').toString('base64')}`
  const urlOf = (name: string) => `${name === 'SMTP_URL' ? 'smtp' : 'http'}://127.0.0.1:9`
  const env = Object.fromEntries(names.map(name => [name, name.endsWith('_URL') ? urlOf(name) : secret]))
  const config = await loadConfig([folder], { env: { ...env, TWENTY_URL: twenty.url, TWENTY_API_KEY: twenty.apiKey } })
  const quiet = createEnvironment({ logger: pino({ level: 'silent' }) })
  const { problems } = await verifyLive(config, quiet, new AbortController().signal)
  expect(problems).toEqual([])
  expect(config.expressions.length).toBeGreaterThan(200)
})
