import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CertificateAuthority } from '../../scripts/services/certificates.ts'
import { env, FORM, flow, linesOf, load, SYSTEM } from './support.ts'

const lines = (...texts: string[]) => `${texts.join('\n')}\n`

const WHOLE = `${SYSTEM}${FORM}${lines(
  'flows:',
  '  leads:',
  '    from: lead-form',
  '    start: 2026-01-31T00:00:00Z',
  '    formerly: web-form',
  '    concurrency: 50',
  '    remember: 90d',
  '    steps:',
  '      - filter: "data.email != \'\'"',
  '      - transform: { email: data.email, domain: "email.split(\'@\')[1]" }',
  '      - upsert: { object: company, match: domainName, when: "domain != \'\'", values: { name: domain }, as: company }',
  '      - each:',
  '          over: data.people',
  '          as: one',
  '          key: one.email',
  '          do:',
  '            - create: { object: person, values: { companyId: company.?id, jobTitle: one.title } }',
  '  people:',
  '    from: [twenty.person.created, twenty.company]',
  '    steps:',
  '      - create: { in: twenty, object: note, key: data.id, onUnknown: repeat, id: welcome }',
)}`

describe('what a flow becomes', () => {
  it('has sources, settings and defaults', async () => {
    const { config } = await load(WHOLE)
    expect(config.flows.get('leads')).toMatchObject({
      name: 'leads',
      formerly: 'web-form',
      from: [{ connector: 'lead-form', object: 'received' }],
      start: { time: Date.UTC(2026, 0, 31) },
      concurrency: 50,
      rememberMs: 90 * 86_400_000,
    })
    expect(config.flows.get('people')).toMatchObject({
      from: [
        { connector: 'twenty', object: 'person', action: 'created' },
        { connector: 'twenty', object: 'company' },
      ],
      start: 'now',
      concurrency: 1000,
      rememberMs: 35 * 86_400_000,
    })
  })

  it('has steps with ids, names and the keys of the component alone', async () => {
    const { config } = await load(WHOLE)
    const steps = config.flows.get('leads')!.steps
    expect(steps.map(({ id, verb }) => [id, verb])).toEqual([
      ['filter', 'filter'],
      ['transform', 'transform'],
      ['upsert-company', 'upsert'],
      ['each', 'each'],
    ])
    expect(steps[1]).toMatchObject({ config: { email: 'data.email', domain: "email.split('@')[1]" } })
    expect(steps[2]).toMatchObject({
      path: ['flows', 'leads', 'steps', 2, 'upsert'],
      config: { object: 'company', match: 'domainName', values: { name: 'domain' } },
      when: "domain != ''",
      as: 'company',
      use: { kind: 'action', system: 'twenty', onUnknown: 'hold' },
    })
    expect(steps[2]!.config).not.toHaveProperty('when')
    expect(steps[3]!.use).toMatchObject({
      kind: 'each',
      over: 'data.people',
      item: 'one',
      key: 'one.email',
      concurrency: 10,
      do: [{ id: 'create-person', path: ['flows', 'leads', 'steps', 3, 'each', 'do', 0, 'create'] }],
    })
    expect(config.flows.get('people')!.steps[0]).toMatchObject({
      id: 'welcome',
      use: { kind: 'action', key: 'data.id', onUnknown: 'repeat' },
    })
  })

  it('numbers texts of one verb, which have no place for an id', async () => {
    const { config } = await load(flow('filter: data.a', 'filter: data.b', 'filter: { keep: data.c, id: third }'))
    expect(config.flows.get('leads')!.steps.map(step => step.id)).toEqual(['filter', 'filter-2', 'third'])
  })

  it('keeps what it knows for as long as the log keeps events', async () => {
    const { config } = await load(`${flow('filter: data.a')}log: { retention: 60d }\n`)
    expect(config.flows.get('leads')!.rememberMs).toBe(60 * 86_400_000)
  })

  it('takes numbers and booleans for expressions', async () => {
    const { config } = await load(flow('create: { object: person, when: true, values: { score: 5 } }'))
    expect(config.flows.get('leads')!.steps[0]).toMatchObject({ when: 'true', config: { values: { score: 5 } } })
  })
})

describe('what a config becomes', () => {
  it('has systems and connectors with defaults filled in', async () => {
    const { config } = await load(WHOLE)
    expect(config.systems.get('twenty')).toMatchObject({
      definition: { type: 'twenty' },
      config: { url: 'https://twenty.example.com', apiKey: 'key-of-twenty', batch: 60, timeout: '30s' },
    })
    expect(config.systems.get('twenty')!.config).not.toHaveProperty('type')
    expect(config.connectors.get('lead-form')).toMatchObject({
      config: { path: '/hooks/lead-form', object: 'received' },
      objects: ['received'],
    })
  })

  it('has the connector of a system when a flow reads from it', async () => {
    const { config } = await load(WHOLE)
    expect(config.connectors.get('twenty')).toMatchObject({
      system: 'twenty',
      definition: { type: 'twenty' },
      objects: ['person', 'company'],
      config: { apiKey: 'key-of-twenty' },
    })
    const { config: without } = await load(flow('create: { object: person }'))
    expect([...without.connectors.keys()]).toEqual(['lead-form'])
  })

  it('is embedded, beside the first file, at 127.0.0.1:8080 unless it says otherwise', async () => {
    const { config, folder } = await load(WHOLE)
    expect(config.log).toEqual({
      type: 'embedded',
      prefix: 'twenty-sync',
      retentionMs: 30 * 86_400_000,
      folder: join(folder, 'data'),
    })
    expect(config.state).toEqual({ type: 'embedded' })
    expect(config.server).toEqual({ host: '127.0.0.1', port: 8080 })
    expect(config.warnings).toEqual([])
    expect(config.files).toEqual([join(folder, 'c.yaml')])
  })

  it('takes Kafka and Redis with all their settings', async () => {
    const ca = new CertificateAuthority('test CA').pem
    const files = {
      'ca.pem': ca,
      'c.yaml': lines(
        'log:',
        '  type: kafka',
        '  brokers: "${BROKERS}"',
        '  replication: 3',
        '  minInsyncReplicas: 2',
        '  tls: { ca: "${file:./ca.pem}" }',
        '  sasl: { mechanism: scram-sha-512, username: crm, password: "${PASSWORD}" }',
        '  compression: lz4',
        '  registry: { url: https://registry.example.com, username: crm, password: "${PASSWORD}" }',
        'state:',
        '  type: redis',
        '  url: ["rediss://:${PASSWORD}@r1:6380", "rediss://:${PASSWORD}@r2:6380"]',
        'server: { port: "${PORT}", publicUrl: https://sync.example.com/ }',
      ),
    }
    const { config } = await load(files, {
      env: { BROKERS: 'k1:9093, k2:9093', PASSWORD: 'word-of-kafka', PORT: '9090' },
    })
    expect(config.log).toEqual({
      type: 'kafka',
      prefix: 'twenty-sync',
      retentionMs: 30 * 86_400_000,
      brokers: ['k1:9093', 'k2:9093'],
      clientId: 'twenty-sync',
      partitions: 12,
      replication: 3,
      minInsyncReplicas: 2,
      tls: { ca: ca.trimEnd(), rejectUnauthorized: true },
      sasl: { mechanism: 'scram-sha-512', username: 'crm', password: 'word-of-kafka' },
      compression: 'lz4',
      registry: { url: 'https://registry.example.com', username: 'crm', password: 'word-of-kafka' },
    })
    expect(config.state).toEqual({
      type: 'redis',
      urls: ['rediss://:word-of-kafka@r1:6380', 'rediss://:word-of-kafka@r2:6380'],
      cluster: true,
      prefix: 'twenty-sync',
    })
    expect(config.server).toEqual({ host: '127.0.0.1', port: 9090, publicUrl: 'https://sync.example.com' })
    expect(config.secrets).toContain('word-of-kafka')
  })

  it('warns of what does not outlive the process', async () => {
    const { config } = await load('log: { type: memory }\n')
    expect(config.state).toEqual({ type: 'memory' })
    expect(config.warnings).toEqual([
      'log: events are kept in memory only and are lost when the process ends',
      'state: what flows remember is kept in memory only and is lost when the process ends',
    ])
  })

  it('makes problems at places of its own', async () => {
    const { config, folder } = await load(WHOLE)
    const path = ['flows', 'leads', 'steps', 2, 'upsert', 'values', 'name', 'nothing']
    expect(config.problemAt(path, 'unknown-field', 'company has no field "name"', 'title')).toEqual({
      file: join(folder, 'c.yaml'),
      line: 15,
      column: 87,
      path: 'flows.leads.steps[2].upsert.values.name.nothing',
      rule: 'unknown-field',
      message: 'company has no field "name"',
      suggestion: 'title',
    })
  })
})

describe('references', () => {
  const WITH = (text: string) => `server: { host: ${text} }\n`

  it.each([
    ['"${PORT}"', '9090'],
    ['"a-${PORT}-${FLAG}"', 'a-9090-true'],
    ['"$${PORT}"', '${PORT}'],
    ['"${file:./sub/name}"', 'from a file'],
    ['"${ PORT }"', '9090'],
    ['a$b', 'a$b'],
    ['"${NESTED}"', '${PORT}'],
  ])('%s is %s', async (text, expected) => {
    const files = { 'c.yaml': WITH(text), 'sub/name': 'from a file\n' }
    const { config } = await load(files, { env: { ...env, NESTED: '${PORT}' } })
    expect(config.server.host).toBe(expected)
  })

  it('become numbers and booleans where those are wanted', async () => {
    const system = SYSTEM.replace(' }', ', batch: "${SIZE}", registerWebhook: "${FLAG}" }')
    const { config } = await load(system, { env: { ...env, SIZE: '30' } })
    expect(config.systems.get('twenty')!.config).toMatchObject({ batch: 30, registerWebhook: true })
  })

  it('of files are relative to the file that holds them', async () => {
    const files = {
      'c.yaml': FORM,
      'other/d.yaml': 'server: { host: "${file:./host}" }\nlog: { folder: ./events }\n',
      'other/host': 'a.example.com',
    }
    const { config, folder } = await load(files)
    expect(config.server.host).toBe('a.example.com')
    expect(config.log).toMatchObject({ folder: join(folder, 'other/events') })
  })

  it('find the variable of an object, not what objects have by nature', async () => {
    expect(await linesOf(WITH('"${toString}"'))).toEqual([
      'c.yaml:1:17 server.host reference: the environment variable toString is not set => a line toString=… in .env, or export toString=…',
    ])
  })
})

describe('several files', () => {
  it('are put together, folders by their *.yaml files in order', async () => {
    const files = {
      'conf/b.yaml': `${FORM}server: { port: 1234 }\n`,
      'conf/a.yaml': `${SYSTEM}server: { host: 0.0.0.0 }\n`,
      'conf/c.yml': 'never: read\n',
      'conf/deep/d.yaml': 'never: read\n',
      'flows.yaml': lines('flows:', '  leads: { from: lead-form, steps: [create: { object: person }] }'),
    }
    const { config, folder } = await load(files, { paths: ['conf', 'flows.yaml', 'conf/a.yaml'] })
    expect(config.files).toEqual(['conf/a.yaml', 'conf/b.yaml', 'flows.yaml'].map(name => join(folder, name)))
    expect(config.server).toEqual({ host: '0.0.0.0', port: 1234 })
    expect([...config.flows.keys()]).toEqual(['leads'])
  })

  it('as several documents of one file', async () => {
    const { config } = await load(`${FORM}---\nserver: { port: 1234 }\n---\n`)
    expect(config.server.port).toBe(1234)
    expect(config.connectors.size).toBe(1)
  })

  it('must not define a name twice', async () => {
    const files = {
      'a.yaml': `${SYSTEM}log:\n  prefix: a\n`,
      'b.yaml': `${SYSTEM.replace('type: twenty', 'type: http')}log:\n  prefix: b\nserver: 5\n`,
      'c.yaml': 'server: { port: 1 }\n',
    }
    expect(await linesOf(files)).toEqual([
      'b.yaml:2:13 systems.twenty.type duplicate-name: `systems.twenty.type` is also defined at a.yaml:2:13',
      'b.yaml:4:3 log.prefix duplicate-name: `log.prefix` is also defined at a.yaml:4:3',
      'b.yaml:5:9 server type: this must be a map, and is the number 5',
      'c.yaml:1:1 server duplicate-name: `server` is also defined at b.yaml:5:1',
    ])
  })

  it('may each name the system that they share, and what one leaves out another one says', async () => {
    const more = SYSTEM.replace(' }', ', timeout: 5s, limits: { perMinute: 50 } }')
    const less = SYSTEM.replace(' }', ', limits: { perSecond: 5 } }')
    for (const paths of [
      ['a.yaml', 'b.yaml', 'c.yaml'],
      ['c.yaml', 'b.yaml', 'a.yaml'],
    ]) {
      const { config } = await load({ 'a.yaml': SYSTEM, 'b.yaml': more, 'c.yaml': less }, { paths })
      expect([...config.systems.keys()]).toEqual(['twenty'])
      expect(config.systems.get('twenty')!.config).toMatchObject({
        timeout: '5s',
        limits: { perMinute: 50, perSecond: 5 },
      })
    }
  })

  it('that are not there are problems, all of them', async () => {
    expect(await linesOf({ 'a.yaml': FORM, 'empty/x.txt': '' }, { paths: ['none.yaml', 'empty', 'a.yaml'] })).toEqual([
      'none.yaml:1:1  file: none.yaml cannot be read: it does not exist',
      'empty:1:1  file: there is no *.yaml file in empty',
    ])
  })

  it('with syntax errors are reported without guesses about the rest', async () => {
    expect(await linesOf({ 'a.yaml': 'flows: [\n', 'b.yaml': 'log: {\n' })).toHaveLength(2)
  })
})

describe('secrets', () => {
  it('are the values of secret fields and passwords in addresses, no other references', async () => {
    const { config } = await load(
      lines(
        'systems:',
        '  twenty:',
        '    type: twenty',
        '    url: "${TWENTY_URL}"',
        '    apiKey: "prefix-${TWENTY_API_KEY}"',
        'connectors:',
        '  f: { type: webhook, path: "/${FLAG}", verify: { scheme: stripe, secret: ["${FORM_KEY}", "${file:./old}"] } }',
        'log: { type: kafka, brokers: "localhost:9092" }',
        'state: { type: redis, url: "${REDIS_URL}" }',
      ).replace('"${file:./old}"', '"${OLD}"'),
      { env: { ...env, OLD: 'old-key', REDIS_URL: 'redis://u:p%40ss@localhost' } },
    )
    expect([...config.secrets].sort()).toEqual(
      ['prefix-key-of-twenty', 'key-of-twenty', 'key-of-form', 'old-key', 'p%40ss', 'p@ss'].sort(),
    )
  })

  it('come longest first, so that redaction by value leaves no rest', async () => {
    const { config } = await load(SYSTEM.replace('"${TWENTY_API_KEY}"', '"x${TWENTY_API_KEY}"'))
    expect(config.secrets).toEqual(['xkey-of-twenty', 'key-of-twenty'])
  })
})

describe('traffic without TLS', () => {
  it.each([
    'http://localhost:3000',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'http://crm.localhost',
    'https://crm.example.com',
  ])('goes to %s', async url => {
    const { config } = await load(SYSTEM, { env: { ...env, TWENTY_URL: url } })
    expect(config.warnings).toEqual([])
  })

  it.each(['http://10.0.0.5', 'http://crm', 'http://127.0.0.1.example.com', 'http://localhost.example.com'])(
    'does not go to %s',
    async url => {
      const found = await linesOf(SYSTEM, { env: { ...env, TWENTY_URL: url } })
      expect(found).toHaveLength(1)
      expect(found[0]).toContain(`c.yaml:2:32 systems.twenty.url insecure-url: ${url} has no TLS`)
    },
  )

  it('goes where `insecure: true` says so, and then start-up says it too', async () => {
    const system = SYSTEM.replace(' }', ', insecure: true }')
    const { config } = await load(system, { env: { ...env, TWENTY_URL: 'http://10.0.0.5:3000' } })
    expect(config.warnings).toEqual([
      'systems.twenty: what is sent to http://10.0.0.5:3000 can be read on the way (insecure: true)',
    ])
  })

  it('of one system does not speak for another', async () => {
    const systems = `${SYSTEM.replace(' }', ', insecure: true }')}  b: { type: http, url: "http://10.0.0.6" }\n`
    expect(await linesOf(systems)).toHaveLength(1)
  })

  it('goes to Kafka and Redis under `insecure: true` with a warning each', async () => {
    const { config } = await load(
      lines(
        'log: { type: kafka, brokers: "k1:9092", insecure: true }',
        'state: { type: redis, url: "redis://r1", insecure: true }',
      ),
    )
    expect(config.warnings).toEqual([
      'log: what is sent to Kafka at k1:9092 can be read on the way (insecure: true)',
      'state: what is sent to redis://r1 can be read on the way (insecure: true)',
    ])
  })
})

describe('hash', () => {
  const hashOf = async (text: string, variables = env) => (await load(text, { env: variables })).config.hash

  it('is the same for the same content, in any folder', async () => {
    expect(await hashOf(WHOLE)).toBe(await hashOf(WHOLE))
  })

  it('does not depend on secrets, so that rotating one is no other config', async () => {
    expect(await hashOf(WHOLE, { ...env, TWENTY_API_KEY: 'another' })).toBe(await hashOf(WHOLE))
  })

  it('changes with a value, also with one that comes by reference', async () => {
    const hash = await hashOf(WHOLE)
    expect(await hashOf(WHOLE.replace('concurrency: 50', 'concurrency: 51'))).not.toBe(hash)
    expect(await hashOf(WHOLE, { ...env, TWENTY_URL: 'https://other.example.com' })).not.toBe(hash)
  })

  it('changes with the content of a file that the config names', async () => {
    const text = flow('validate: { schema: ./lead.json }')
    const [a, b] = await Promise.all(
      ['{}', '{ "type": "object" }'].map(async schema => (await load({ 'c.yaml': text, 'lead.json': schema })).config),
    )
    expect(a!.hash).not.toBe(b!.hash)
  })
})

describe('files that a config names', () => {
  it('become absolute', async () => {
    const { config, folder } = await load({
      'c.yaml': flow('validate: { schema: ./s/lead.json }'),
      's/lead.json': '{}',
    })
    expect(config.flows.get('leads')!.steps[0]!.config).toMatchObject({ schema: join(folder, 's/lead.json') })
  })
})

describe('YAML', () => {
  it('may reuse parts of itself', async () => {
    const { config } = await load(
      lines(
        'connectors:',
        '  a: &base { type: webhook, path: /a, verify: none, bodyLimit: 2MiB }',
        '  b: { <<: *base, path: /b }',
      ),
    )
    expect(config.connectors.get('b')!.config).toMatchObject({ path: '/b', bodyLimit: '2MiB' })
  })

  it('stays small however often an alias stands for another', async () => {
    const levels = 'abcdefgh'.split('')
    const text = levels
      .map(
        (name, at) =>
          `${name}: &${name} [${Array(10)
            .fill(at === 0 ? 'x' : `*${levels[at - 1]}`)
            .join(', ')}]`,
      )
      .join('\n')
    const found = await linesOf(text)
    expect(found.filter(line => line.includes('stand for too much'))).toHaveLength(1)
  })

  it('may begin with a byte order mark, and hold nothing', async () => {
    const { config } = await load('\uFEFFserver: { port: 1 }\n')
    expect(config.server.port).toBe(1)
    expect((await load('# nothing yet\n')).config.flows.size).toBe(0)
    expect((await load('flows:\nsystems:\n')).config.flows.size).toBe(0)
  })
})
