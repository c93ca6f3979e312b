import { describe, expect, it } from 'vitest'
import { configChanges } from '../../src/config/changes.ts'
import { syncUses } from '../../src/config/sync-uses.ts'
import { linesOf, load, env as standardEnv } from './support.ts'

const env = { ...standardEnv, ERP_URL: 'postgres://erp.example.com/erp', SMTP_URL: 'https://mail.example.com' }
const lines = (...texts: string[]) => `${texts.join('\n')}\n`

/** Five lines. */
const SYSTEMS = lines(
  'systems:',
  '  twenty: { type: twenty, url: "${TWENTY_URL}", apiKey: "${TWENTY_API_KEY}" }',
  '  second: { type: twenty, url: "${TWENTY_URL}", apiKey: "${TWENTY_API_KEY}" }',
  '  erp: { type: postgres, url: "${ERP_URL}", tables: { contacts: { table: contacts, id: id, updatedAt: updated_at } } }',
  '  nothing: { type: "null" }',
)

const WHOLE = `${SYSTEMS}${lines(
  'syncs:',
  '  contacts:',
  '    left:  { system: twenty, object: person, where: "data.city != \'Test\'", create: true, deletes: hold, stateField: syncState, syncedAtField: syncedAt }',
  '    right: { system: erp, object: contacts, create: false, deletes: propagate }',
  '    match: [ { left: emails.primaryEmail, right: email, normalise: email }, { left: externalId, right: id } ]',
  '    fields:',
  '      - { left: jobTitle, right: title }',
  '      - { left: emails.primaryEmail, right: email, policy: latest, tie: { prefer: left } }',
  '      - { left: tags, right: labels, policy: union }',
  '      - { left: phones, right: phone, policy: { prefer-unless-blank: right }, normalise: phone }',
  '      - { left: stage, right: status, values: { NEW: open, WON: won } }',
  '      - { left: annualRevenue.amountMicros, right: revenue, toRight: "value / 1000000.0", toLeft: "value * 1000000.0" }',
  '      - { left: city, right: place, direction: to-right, name: town, policy: { prefer: left } }',
  '      - { left: isVip, right: vip, values: [ { left: true, right: "yes" }, { left: false, right: "no" } ] }',
  '    skewTolerance: 5s',
  '    guard: { creates: 5, deletes: 0 }',
  '    tasks: { in: second, assignee: ops@example.com, most: 20 }',
  '    reconcileEvery: 24h',
  '    formerly: people',
)}`

describe('what a sync becomes', () => {
  it('has sides, keys, fields and limits as written', async () => {
    const { config } = await load(WHOLE, { env })
    expect(config.syncs.get('contacts')).toEqual({
      name: 'contacts',
      formerly: 'people',
      left: {
        system: 'twenty',
        object: 'person',
        where: "data.city != 'Test'",
        create: true,
        deletes: 'hold',
        stateField: 'syncState',
        syncedAtField: 'syncedAt',
      },
      right: { system: 'erp', object: 'contacts', create: false, deletes: 'propagate' },
      match: [
        { left: 'emails.primaryEmail', right: 'email', normalise: 'email' },
        { left: 'externalId', right: 'id', normalise: 'exact' },
      ],
      fields: [
        field('jobTitle', 'title', {}),
        field('emails.primaryEmail', 'email', { policy: { kind: 'latest' }, tie: { kind: 'prefer', side: 'left' } }),
        field('tags', 'labels', { policy: { kind: 'union' } }),
        field('phones', 'phone', { policy: { kind: 'prefer-unless-blank', side: 'right' }, normalise: 'phone' }),
        field('stage', 'status', {
          values: [
            ['NEW', 'open'],
            ['WON', 'won'],
          ],
        }),
        field('annualRevenue.amountMicros', 'revenue', {
          toRight: 'value / 1000000.0',
          toLeft: 'value * 1000000.0',
        }),
        field('city', 'place', { name: 'town', direction: 'to-right', policy: { kind: 'prefer', side: 'left' } }),
        field('isVip', 'vip', {
          values: [
            [true, 'yes'],
            [false, 'no'],
          ],
        }),
      ],
      skewToleranceMs: 5000,
      guard: { creates: 5, updates: 2000, deletes: 0 },
      tasks: { system: 'second', assignee: 'ops@example.com', most: 20 },
      reconcileEveryMs: 86_400_000,
    })
  })

  function field(left: string, right: string, more: object) {
    return { name: left, left, right, direction: 'both', policy: { kind: 'ask' }, tie: { kind: 'ask' }, ...more }
  }

  const least = (left: string, right: string, ...more: string[]) =>
    SYSTEMS +
    lines(
      'syncs:',
      '  contacts:',
      `    left: { system: ${left}, object: ${left === 'erp' ? 'contacts' : 'person'} }`,
      `    right: { system: ${right}, object: ${right === 'erp' ? 'contacts' : 'person'} }`,
      '    match: [ { left: email, right: email } ]',
      '    fields: [ { left: name, right: name } ]',
      ...more,
    )

  it('has safe defaults: everything in doubt is asked or held', async () => {
    const { config } = await load(least('erp', 'twenty'), { env })
    expect(config.syncs.get('contacts')).toEqual({
      name: 'contacts',
      left: { system: 'erp', object: 'contacts', create: true, deletes: 'hold' },
      right: { system: 'twenty', object: 'person', create: true, deletes: 'hold' },
      match: [{ left: 'email', right: 'email', normalise: 'exact' }],
      fields: [field('name', 'name', {})],
      skewToleranceMs: 2000,
      guard: { creates: 500, updates: 2000, deletes: 10 },
      tasks: { system: 'twenty', most: 50 },
    })
  })

  it('asks in the first side that is a Twenty, unless told where, or not to', async () => {
    const tasks = async (...parts: Parameters<typeof least>) =>
      (await load(least(...parts), { env })).config.syncs.get('contacts')!.tasks
    expect(await tasks('second', 'twenty')).toEqual({ system: 'second', most: 50 })
    expect(await tasks('erp', 'second', '    tasks: { assignee: ops@example.com }')).toEqual({
      system: 'second',
      assignee: 'ops@example.com',
      most: 50,
    })
    expect(await tasks('second', 'twenty', '    tasks: false')).toBeUndefined()
  })

  it('has the systems bring their connectors, with the tasks that answers come by', async () => {
    const { config } = await load(WHOLE, { env })
    const objects = [...config.connectors].map(([name, connector]) => [name, connector.objects, connector.system])
    expect(objects).toEqual([
      ['twenty', ['person'], 'twenty'],
      ['second', ['task'], 'second'],
      ['erp', ['contacts'], 'erp'],
    ])
    const flow = 'flows: { f: { from: [twenty.company, twenty.person], steps: [ { filter: "true" } ] } }\n'
    const both = (await load(least('erp', 'twenty') + flow, { env })).config.connectors.get('twenty')!
    expect(both.objects).toEqual(['company', 'person', 'task'])
  })

  it('is part of the hash, and of what a reload says of a change', async () => {
    const { config: before } = await load(least('erp', 'twenty'), { env })
    const { config: after } = await load(least('erp', 'twenty', '    skewTolerance: 3s'), { env })
    expect(after.hash).not.toBe(before.hash)
    expect(configChanges(before, after)).toEqual([{ what: 'sync', name: 'contacts', change: 'changed' }])
  })

  it('says what it uses of each side, with the places', async () => {
    const { config } = await load(WHOLE, { env })
    const [left, right] = syncUses(config)
    expect(left).toMatchObject({ sync: 'contacts', side: 'left', system: 'twenty', object: 'person' })
    expect(right).toMatchObject({ sync: 'contacts', side: 'right', system: 'erp', object: 'contacts' })
    const found = new Map(left!.uses.map(use => [use.at.slice(2).join('.'), [use.path, use.writes]]))
    expect(found.get('match.0.left')).toEqual(['emails.primaryEmail', false])
    expect(found.get('fields.0.left')).toEqual(['jobTitle', true])
    expect(found.get('fields.6.left')).toEqual(['city', false])
    expect(found.get('left.stateField')).toEqual(['syncState', true])
    expect(found.get('left.syncedAtField')).toEqual(['syncedAt', true])
    expect(right!.uses.find(use => use.path === 'place')).toMatchObject({ writes: true })
    const { at } = left!.uses.find(use => use.path === 'jobTitle')!
    expect(config.problemAt(at, 'unknown-field', 'x')).toMatchObject({
      line: 12,
      column: 11,
      path: 'syncs.contacts.fields[0].left',
    })
  })
})

describe('what is wrong with a sync', () => {
  /** The sync begins in line 6; `left` is line 8, `right` 9, `match` 10, `fields` 11. */
  const GOOD = {
    left: '{ system: twenty, object: person }',
    right: '{ system: erp, object: contacts }',
    match: '[ { left: emails.primaryEmail, right: email } ]',
    fields: '[ { left: jobTitle, right: title } ]',
  }
  const sync = (parts: Partial<typeof GOOD>, ...more: string[]) =>
    SYSTEMS +
    lines(
      'syncs:',
      '  contacts:',
      ...Object.entries({ ...GOOD, ...parts }).map(([key, value]) => `    ${key}: ${value}`),
      ...more,
    )
  const field = (...fields: string[]) => sync({ fields: ['', ...fields.map(each => `      - { ${each} }`)].join('\n') })

  const CASES: Record<string, readonly [yaml: string, ...expected: string[]]> = {
    'an empty one': [
      `${SYSTEMS}syncs:\n  contacts: {}\n`,
      'c.yaml:7:3 syncs.contacts.left missing: `left` is missing: One side. => left: {"system":"twenty","object":"person"}',
      'c.yaml:7:3 syncs.contacts.right missing: `right` is missing: The other side. => right: {"system":"erp","object":"contacts"}',
      expect.stringContaining('syncs.contacts.match missing: `match` is missing'),
      expect.stringContaining('syncs.contacts.fields missing: `fields` is missing'),
    ],
    'no key to match by': [
      sync({ match: '[]' }),
      expect.stringMatching(/^c\.yaml:10:12 syncs\.contacts\.match empty: this is empty => like /),
    ],
    'an unknown system': [
      sync({ left: '{ system: twnty, object: person }' }),
      'c.yaml:8:21 syncs.contacts.left.system unknown-system: there is no system "twnty" => twenty',
    ],
    'a system that cannot be a side': [
      sync({ right: '{ system: nothing, object: contacts }' }),
      'c.yaml:9:22 syncs.contacts.right.system no-peer: "nothing" is of type null, which cannot be a side of a sync => one of twenty, second, erp',
    ],
    'an object that its system does not have': [
      sync({ right: '{ system: erp, object: contact }' }),
      'c.yaml:9:35 syncs.contacts.right.object unknown-object: "erp" has no object "contact"; it has contacts => contacts',
    ],
    'the same on both sides': [
      sync({ right: '{ system: twenty, object: person }' }),
      'c.yaml:9:5 syncs.contacts.right same-side: both sides are "person" of "twenty": a sync is between two => another system, or another object',
    ],
    'two fields of one name': [
      field('left: a, right: b', 'left: c, right: d, name: a'),
      'c.yaml:13:30 syncs.contacts.fields[1].name duplicate-name: another field of this sync is called "a" => name: another one',
    ],
    'two fields in one place': [
      field('left: a, right: b', 'left: a, right: c, name: x'),
      'c.yaml:13:17 syncs.contacts.fields[1].left duplicate-path: "a" of the left side belongs to the field "a" already => another field, or none',
    ],
    'a field within another one': [
      field('left: a, right: b', 'left: c, right: b.part'),
      'c.yaml:13:27 syncs.contacts.fields[1].right duplicate-path: "b.part" of the right side belongs to the field "a" already, which has "b" => another field, or none',
    ],
    'a field where the state goes': [
      sync({ left: '{ system: twenty, object: person, stateField: jobTitle }' }),
      'c.yaml:8:57 syncs.contacts.left.stateField duplicate-path: "jobTitle" of the left side belongs to the field "jobTitle" already => another field, or none',
    ],
    'no way back': [
      field('left: a, right: b, toRight: value * 2.0'),
      'c.yaml:12:9 syncs.contacts.fields[0].toLeft missing: `toLeft` is missing: `toRight` leads one way, and both sides receive => the way back, or direction: to-right',
    ],
    'a way that is never gone': [
      field('left: a, right: b, direction: to-right, toLeft: value * 2.0'),
      'c.yaml:12:51 syncs.contacts.fields[0].toLeft no-effect: the left side does not receive this field: its direction is to-right => direction: both',
    ],
    'two ways at once': [
      field('left: a, right: b, values: { x: y }, toRight: value, direction: to-right'),
      'c.yaml:12:48 syncs.contacts.fields[0].toRight ambiguous: `values` says already what the right side gets => either of them',
    ],
    'values that are not one to one': [
      field('left: a, right: b, values: { NEW: open, LOST: open }'),
      'c.yaml:12:57 syncs.contacts.fields[0].values.LOST not-one-to-one: two values become "open": `values` must be one to one => another value',
    ],
    'pairs that are not one to one': [
      field('left: a, right: b, values: [ { left: 1, right: x }, { left: 1, right: y } ]'),
      'c.yaml:12:71 syncs.contacts.fields[0].values[1] not-one-to-one: "1" is listed already: `values` must be one to one => another value',
    ],
    'a condition over something else': [
      sync({ left: '{ system: twenty, object: person, where: "dta.city == \'x\'" }' }),
      expect.stringMatching(/^c\.yaml:8:\d+ syncs\.contacts\.left\.where expression: .*dta.* => data$/),
    ],
    'a condition that gives no answer': [
      sync({ left: '{ system: twenty, object: person, where: "\'x\'" }' }),
      expect.stringMatching(/^c\.yaml:8:\d+ syncs\.contacts\.left\.where expression: /),
    ],
    'a conversion over something else': [
      field('left: a, right: b, direction: to-right, toRight: data.x'),
      expect.stringMatching(/^c\.yaml:12:\d+ syncs\.contacts\.fields\[0\]\.toRight expression: .*data/),
    ],
    'times that are none': [
      sync({}, '    skewTolerance: 2', '    reconcileEvery: daily'),
      expect.stringMatching(/^c\.yaml:12:20 syncs\.contacts\.skewTolerance type: /),
      expect.stringMatching(/^c\.yaml:13:21 syncs\.contacts\.reconcileEvery pattern: this is not a duration/),
    ],
    'comparing without a pause': [
      sync({}, '    reconcileEvery: 1s'),
      'c.yaml:12:21 syncs.contacts.reconcileEvery minimum: a complete comparison reads every record of both sides: this must be at least 1m => 24h',
    ],
    'a policy that there is not': [
      field('left: a, right: b, policy: newest'),
      expect.stringMatching(/^c\.yaml:12:38 syncs\.contacts\.fields\[0\]\.policy enum: "newest" is not one of /),
    ],
    'a preferred side that there is not': [
      field('left: a, right: b, policy: { prefer: twenty }'),
      expect.stringMatching(
        /^c\.yaml:12:48 syncs\.contacts\.fields\[0\]\.policy\.prefer enum: "twenty" is not one of left, right/,
      ),
    ],
    'latest as its own tie': [
      field('left: a, right: b, policy: latest, tie: latest'),
      expect.stringMatching(/^c\.yaml:12:51 syncs\.contacts\.fields\[0\]\.tie enum: "latest" is not one of /),
    ],
    'a path that is none': [
      field('left: a..b, right: c'),
      expect.stringMatching(/^c\.yaml:12:17 syncs\.contacts\.fields\[0\]\.left pattern: /),
    ],
    'tasks in no Twenty': [
      sync({}, '    tasks: { in: erp }'),
      'c.yaml:12:18 syncs.contacts.tasks.in no-tasks: "erp" is of type postgres; tasks are in a Twenty system => one of twenty, second',
    ],
    'tasks in an unknown system': [
      sync({}, '    tasks: { in: secnd }'),
      'c.yaml:12:18 syncs.contacts.tasks.in unknown-system: there is no system "secnd" => second',
    ],
    'a mistyped key': [
      field('left: a, right: b, polcy: latest'),
      'c.yaml:12:30 syncs.contacts.fields[0].polcy unknown-key: there is no key `polcy` here => policy',
    ],
    'a mistyped section': [
      sync({}).replace('syncs:', 'sync:'),
      'c.yaml:6:1 sync unknown-key: there is no key `sync` here => syncs',
    ],
    'a side that is broken elsewhere is said once': [
      sync({}).replace('type: postgres', 'type: postgre'),
      'c.yaml:4:16 systems.erp.type enum: there is no system of type "postgre" => postgres',
    ],
    'the name of a flow': [
      `${sync({})}flows: { contacts: { from: twenty.person, steps: [ { filter: "true" } ] } }\n`,
      'c.yaml:7:3 syncs.contacts duplicate-name: "contacts" is a flow too, and commands know both by name => contacts-sync',
    ],
    'an earlier name that is in use': [
      `${sync({}, '    formerly: people')}${sync({}).slice(SYSTEMS.length).replace('syncs:\n', '').replace('contacts:', 'people:')}`,
      'c.yaml:12:5 syncs.contacts.formerly duplicate-name: there is a sync of this name, so this one was not called that before',
    ],
    'a connector with a name of our topics': [
      `${sync({})}connectors: { sync: { type: webhook, path: /hooks/x, verify: none } }\n`,
      expect.stringContaining('connectors.sync name: topics of our own begin with "sync" => sync-events'),
    ],
    'lists and texts in the wrong places': [
      `${SYSTEMS}${lines('syncs:', '  contacts: [1]', '  others:', '    left: twenty', '    right: []', '    match: {}', '    fields: [1]')}`,
      expect.stringContaining('syncs.contacts type:'),
      expect.stringContaining('syncs.others.left type:'),
      expect.stringContaining('syncs.others.right type:'),
      expect.stringContaining('syncs.others.match type:'),
      expect.stringContaining('syncs.others.fields[0] type:'),
    ],
  }

  it.each(Object.entries(CASES))('%s', async (_, [yaml, ...expected]) => {
    expect(await linesOf(yaml, { env })).toEqual(expected)
  })

  it('one field may be read by several that leave it alone', async () => {
    const fields = ['left: name, right: first, name: first', 'left: name, right: last, name: last']
    expect(await linesOf(field(...fields.map(each => `${each}, direction: to-right`)), { env })).toEqual([])
    expect(await linesOf(field(...fields.map(each => `${each}, direction: to-left`)), { env })).toHaveLength(1)
  })

  it('tasks without a place, where no side has any', async () => {
    const yaml = sync({ left: '{ system: other, object: people }' }, '    tasks: { most: 3 }').replace(
      '  nothing: { type: "null" }',
      '  other: { type: postgres, url: "${ERP_URL}", tables: { people: { table: people, id: id, updatedAt: u } } }',
    )
    expect(await linesOf(yaml, { env })).toEqual([
      expect.stringMatching(/^c\.yaml:12:5 syncs\.contacts\.tasks\.in missing: .* => one of twenty, second$/),
    ])
    expect(await linesOf(yaml.replace('    tasks: { most: 3 }\n', ''), { env })).toEqual([])
  })
})
