import { describe, expect, it } from 'vitest'
import { FORM, flow, linesOf, SYSTEM } from './support.ts'

const lines = (...texts: string[]) => `${texts.join('\n')}\n`

/** A system whose keys begin in line 4, column 5. */
const system = (...keys: string[]) =>
  lines('systems:', '  twenty:', '    type: twenty', ...keys.map(key => `    ${key}`))

/** A connector whose keys begin in line 5, column 5. */
const connector = (...keys: string[]) =>
  lines('connectors:', '  f:', '    type: webhook', '    path: /f', ...keys.map(key => `    ${key}`))

/** A config, and everything that is said about it. */
const BAD: Readonly<Record<string, Readonly<Record<string, readonly [config: string, ...problems: string[]]>>>> = {
  reading: {
    'a bracket that is not closed': [
      'log: [1',
      'c.yaml:1:8  syntax: not YAML: flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    'wrong indentation': [
      lines('systems:', '  twenty:', '    type: twenty', '   url: x'),
      'c.yaml:4:4  syntax: not YAML: all mapping items must start at the same column => keys of one map begin in the same column, and so do the dashes of one list',
    ],
    tabs: [
      lines('log:', '\ttype: memory', '\tprefix: a'),
      'c.yaml:2:1  syntax: tabs are not allowed for indentation; use spaces => two spaces for each level',
    ],
    'one slip over which the parser stumbles several times': [
      lines(
        'flows:',
        '  a:',
        '    steps:',
        '      - filter: a',
        '      transform:',
        '        b: 1',
        '      - filter: b',
      ),
      'c.yaml:5:7  syntax: not YAML: all mapping items must start at the same column => keys of one map begin in the same column, and so do the dashes of one list',
    ],
    'a text that holds a colon': [
      lines('server:', '  host: a: b'),
      'c.yaml:2:9  syntax: not YAML: nested mappings are not allowed in compact mappings => keys of one map begin in the same column, and so do the dashes of one list; a text that holds ": " stands in quotes',
    ],
    'an expression that begins with a quote': [
      lines('flows:', "  a: { title: 'Hi' + data.name }"),
      `c.yaml:2:20  syntax: not YAML: unexpected scalar at node end => an expression that begins with a quote stands in quotes as a whole: "'Call ' + data.name"`,
    ],
    'a reference without quotes in a map of one line': [
      lines('systems:', '  a: { url: ${URL}, apiKey: ${KEY} }'),
      'c.yaml:2:14  syntax: not YAML: unexpected flow-map-start at node end => "${NAME}", in quotes, where { } are around it',
    ],
    'a choice without quotes in a map of one line': [
      lines('flows:', "  a: { title: data.a ? 'b' : 'c' }"),
      'c.yaml:2:15  syntax: not YAML: block collections are not allowed within flow collections => a text that holds ": " stands in quotes',
    ],
    'a text that begins with a sign of YAML': [
      lines('flows:', '  a: @x'),
      'c.yaml:2:6  syntax: not YAML: plain value cannot start with reserved character @ => a text that begins with this character stands in quotes',
    ],
    'a negation without quotes': [
      lines('flows:', '  a: !data.done'),
      'c.yaml:2:6  syntax: not YAML: unresolved tag: !data.done => an expression that begins with ! stands in quotes: "!data.done"',
    ],
    'steps without dashes': [
      lines(SYSTEM.trimEnd(), 'flows:', '  a:', '    from: twenty.person', '    steps:', '      filter: "true"'),
      'c.yaml:7:7 flows.a.steps type: this must be a list, and is a map => each item of a list begins with "- "',
    ],
    'a tab after spaces, where the parser stumbles over something else': [
      lines('log: { type: memory }', 'server:', '  host: a', '  \t  port: 1'),
      'c.yaml:4:3  syntax: tabs are not allowed for indentation; use spaces => two spaces for each level',
    ],
    'a tab that is right, before another mistake': [
      lines('flows:', '  a:', '    from: |', '      x', '      \ty', ' b: 1'),
      'c.yaml:6:2  syntax: not YAML: all mapping items must start at the same column => keys of one map begin in the same column, and so do the dashes of one list',
    ],
    'a key written twice': [
      lines('log:', '  type: memory', '  prefix: a', '  prefix: b'),
      'c.yaml:4:3 log.prefix duplicate-key: `prefix` is written twice here; the first is in line 3',
    ],
    'a list at the top': [
      lines('- a', '- b'),
      'c.yaml:1:1  type: a config is a map with keys like `flows`, not a list',
    ],
    'an alias of nothing': [
      'server: *nope',
      'c.yaml:1:9 server syntax: `*nope` names nothing: no `&nope` stands before it',
    ],
    'an alias of what holds it': [
      'server: &a { host: *a }',
      'c.yaml:1:12 server.host syntax: this alias stands for something that holds it',
    ],
    'keys that reach a prototype': [
      lines('__proto__: {}', 'log: { constructor: 1 }'),
      'c.yaml:1:1 __proto__ name: `__proto__` cannot be a key',
      'c.yaml:2:8 log.constructor name: `constructor` cannot be a key',
    ],
  },
  sections: {
    'mistyped sections': [
      lines('flow: {}', 'conectors: {}', 'zzzzzzz: 1'),
      'c.yaml:1:1 flow unknown-key: there is no key `flow` here => flows',
      'c.yaml:2:1 conectors unknown-key: there is no key `conectors` here => connectors',
      'c.yaml:3:1 zzzzzzz unknown-key: there is no key `zzzzzzz` here => one of systems, connectors, flows, syncs, log, state, server, expressions',
    ],
    'a mistyped section, whose names are known all the same': [
      `${SYSTEM}${FORM.replace('connectors', 'conectors')}${lines('flows:', '  a:', '    from: lead-form', '    steps:', '      - upsert: { in: twentyy, object: person, match: id, values: {} }')}`,
      'c.yaml:3:1 conectors unknown-key: there is no key `conectors` here => connectors',
      'c.yaml:9:23 flows.a.steps[0].upsert.in unknown-system: there is no system "twentyy" => twenty',
    ],
    'a mistyped section beside the right one': [
      `${FORM}${lines('conectors:', '  other: { type: webhook, path: /x, verify: none }', 'flows:', '  a: { from: [lead-form, other], steps: [filter: "true"] }')}`,
      'c.yaml:3:1 conectors unknown-key: there is no key `conectors` here => connectors',
    ],
    'systems and connectors of no type, named by flows': [
      lines(
        'systems:',
        '  crm: { type: twentyy, url: x }',
        'connectors:',
        '  form: { type: webhok, path: /x }',
        '  other: 1',
        'flows:',
        '  a:',
        '    from: [form, other]',
        '    steps:',
        '      - upsert: { in: crm, object: person, match: id, values: {} }',
        '      - create: { object: note }',
      ),
      'c.yaml:2:16 systems.crm.type enum: there is no system of type "twentyy" => twenty',
      'c.yaml:4:17 connectors.form.type enum: there is no connector of type "webhok" => webhook',
      'c.yaml:5:10 connectors.other type: this must be a map, and is the number 1',
    ],
    'sections of the wrong type': [
      lines('flows: [1]', 'systems: twenty'),
      'c.yaml:1:8 flows type: `flows` must be a map of names, and is a list',
      'c.yaml:2:10 systems type: `systems` must be a map of names, and is text "twenty"',
    ],
    'names that cannot be': [
      lines(
        'connectors:',
        '  flow: { type: webhook, path: /x, verify: none }',
        '  "a.b": { type: webhook, path: /y, verify: none }',
      ),
      'c.yaml:2:3 connectors.flow name: topics of our own begin with "flow" => flow-events',
      'c.yaml:3:3 connectors["a.b"] name: "a.b" cannot be a name: it becomes part of topics and keys => a letter, then letters, digits, - and _',
    ],
  },
  'systems and connectors': {
    'no type': [
      lines('systems:', '  twenty:', '    url: https://a.b'),
      'c.yaml:2:3 systems.twenty.type missing: `type` is missing: the kind of system => one of …',
    ],
    'a mistyped type': [
      lines('systems:', '  crm: { type: twnety }', 'connectors:', '  form: { type: webhok }'),
      'c.yaml:2:16 systems.crm.type enum: there is no system of type "twnety" => twenty',
      'c.yaml:4:17 connectors.form.type enum: there is no connector of type "webhok" => webhook',
    ],
    'a connector that a system brings': [
      lines('connectors:', '  crm: { type: twenty }'),
      'c.yaml:2:16 connectors.crm.type enum: a twenty system brings its connector along: define it under `systems` => from: <name of the system>.person.created',
    ],
    'a connector named like a system': [
      `${SYSTEM}${lines('connectors:', '  twenty: { type: webhook, path: /x, verify: none }')}`,
      'c.yaml:4:3 connectors.twenty duplicate-name: "twenty" is a system too (c.yaml:2:3), and `from` knows both by name => twenty-events',
    ],
    'a mistyped key, said once though it is required': [
      system('urll: https://a.b', 'apiKey: "${TWENTY_API_KEY}"'),
      'c.yaml:4:5 systems.twenty.urll unknown-key: there is no key `urll` here => url',
    ],
    'values of the wrong type or form': [
      system(
        'url: crm',
        'apiKey: "${TWENTY_API_KEY}"',
        'timeout: 5 minutes',
        'batch: "60"',
        'limits: { perMinut: 5, perSecond: 0 }',
        'insecure: maybe',
      ),
      'c.yaml:4:10 systems.twenty.url url: `crm` is not a URL => like https://host.example.com',
      'c.yaml:6:14 systems.twenty.timeout pattern: this is not a duration => a number and ms, s, m, h or d: 30s, 5m, 24h',
      'c.yaml:7:12 systems.twenty.batch type: this must be a whole number, and is text "60"',
      'c.yaml:8:15 systems.twenty.limits.perMinut unknown-key: there is no key `perMinut` here => perMinute',
      'c.yaml:8:39 systems.twenty.limits.perSecond minimum: this must be at least 1',
      'c.yaml:9:15 systems.twenty.insecure type: this must be true or false, and is text "maybe"',
    ],
    'nothing where something must be': [
      system('url:', 'apiKey:'),
      'c.yaml:4:9 systems.twenty.url type: this must be text, and is nothing',
      'c.yaml:5:12 systems.twenty.apiKey type: this must be text, and is nothing',
    ],
    'a union told apart by a constant': [
      connector('verify: { scheme: githib, secret: "${FORM_KEY}" }'),
      'c.yaml:5:23 connectors.f.verify.scheme enum: "githib" is not one of standard, stripe, github, hubspot-v3, shopify, hmac, bearer, basic => github',
    ],
    'a union: the variant that fits best': [
      connector('verify: { headr: x-key, equals: "${FORM_KEY}" }'),
      'c.yaml:5:15 connectors.f.verify.headr unknown-key: there is no key `headr` here => header',
    ],
    'a union: a constant or a map': [
      connector('verify: nome', 'accept: [json, frm]'),
      'c.yaml:5:13 connectors.f.verify enum: "nome" is not one of none, nor a map => none',
      'c.yaml:6:20 connectors.f.accept[1] enum: "frm" is not one of json, form, multipart => form',
    ],
    'a union: no variant of that type': [
      connector('verify: 5'),
      'c.yaml:5:13 connectors.f.verify type: this must be "none" or a map, and is the number 5',
    ],
    'two connectors at one address': [
      `${connector('verify: none')}  g: { type: webhook, path: /f, verify: none }\n`,
      'c.yaml:6:29 connectors.g.path duplicate-path: connector "f" listens at /f already',
    ],
    'expressions with a scope of their own': [
      connector('verify: none', 'key: data.a + event.id', 'time: header.x', 'idempotency: data.a +'),
      `c.yaml:6:19 connectors.f.key expression: there is no "event" here => one of data, headers, query; text stands in quotes: 'event'`,
      'c.yaml:7:11 connectors.f.time expression: there is no "header" here => headers',
      'c.yaml:8:26 connectors.f.idempotency expression: the expression ends where a value is expected after `+`',
    ],
  },
  'secrets and addresses': {
    'secrets written out': [
      `${system('url: https://a.b', 'apiKey: sk_live_1')}${connector('verify: { scheme: stripe, secret: ["${FORM_KEY}", sk_live_2] }')}`,
      'c.yaml:5:13 systems.twenty.apiKey literal-secret: a secret is written out here; it belongs in the environment or in a file => "${TWENTY_API_KEY}"',
      'c.yaml:10:55 connectors.f.verify.secret[1] literal-secret: a secret is written out here; it belongs in the environment or in a file => "${WEBHOOK_SECRET}"',
    ],
    'a secret in a query, by reference too': [
      system('url: "https://a.b/?token=${FORM_KEY}"', 'apiKey: "${TWENTY_API_KEY}"'),
      'c.yaml:4:10 systems.twenty.url secret-in-url: a secret stands in the query of this URL (`token`), where proxies and logs keep it => a header, or a key of this system that is made for it',
    ],
    'a password in an address': [
      system('url: https://bob:sk_live_1@a.b', 'apiKey: "${TWENTY_API_KEY}"'),
      'c.yaml:4:10 systems.twenty.url literal-secret: a password is written out in this URL; it belongs in the environment or in a file => https://bob:${PASSWORD}@a.b',
    ],
    'no TLS to another machine': [
      system('url: http://crm.local', 'apiKey: "${TWENTY_API_KEY}"'),
      'c.yaml:4:10 systems.twenty.url insecure-url: http://crm.local has no TLS: what is sent can be read on the way => https://crm.local, or `insecure: true` in systems.twenty when the way is trusted',
    ],
    'a header named like a secret': [
      lines(
        'systems:',
        '  api:',
        '    type: http',
        '    url: https://a.b',
        '    headers: { authorization: Bearer sk_live_1, accept: application/json }',
      ),
      'c.yaml:5:31 systems.api.headers.authorization literal-secret: a secret is written out here; it belongs in the environment or in a file => "${API_AUTHORIZATION}"',
    ],
  },
  references: {
    'what stands for nothing': [
      lines('connectors:', '  f: { type: webhook, path: /f, verify: { header: x, equals: "${EMPTY}" } }'),
      'c.yaml:2:62 connectors.f.verify.equals empty: what `${EMPTY}` stands for is empty',
    ],
    'what cannot be resolved': [
      system('url: "${TWENTY_ULR}"', 'apiKey: "${file:./nokey}"', 'timeout: "${a-b}"', 'webhookPath: "/hooks/${open"'),
      'c.yaml:4:10 systems.twenty.url reference: the environment variable TWENTY_ULR is not set => ${TWENTY_URL}',
      'c.yaml:5:13 systems.twenty.apiKey reference: the file nokey cannot be read: it does not exist',
      'c.yaml:6:14 systems.twenty.timeout reference: `${a-b}` is not a reference => ${NAME} for an environment variable, ${file:./path} for a file, $${ for the characters themselves',
      'c.yaml:7:18 systems.twenty.webhookPath reference: `${` begins a reference, and its `}` is missing => $${ stands for the characters themselves',
    ],
    'a text where a number is wanted': [
      lines('server:', '  port: "${TWENTY_URL}"'),
      'c.yaml:2:9 server.port type: this must be a whole number, and is `${TWENTY_URL}`',
    ],
    'an expression that a reference breaks': [
      flow('filter: "data.x == ${FORM_KEY}"'),
      "c.yaml:9:17 flows.leads.steps[0].filter expression: `data.x == ${FORM_KEY}` is no expression once its references are filled in => what a reference stands for becomes part of the expression; as text it stands in quotes: '${NAME}'",
    ],
  },
  flows: {
    sources: [
      `${SYSTEM}${FORM}${lines('flows:', '  a: { from: led-form, steps: [filter: "true"] }', '  b: { from: twenty, steps: [filter: "true"] }', '  c: { from: [lead-form.x, lead-form, lead-form], steps: [filter: "true"] }', '  d: { from: a.b.c.d, steps: [] }', '  e: { steps: [filter: "true"] }', '  f: { from: 5, steps: [filter: "true"] }')}`,
      'c.yaml:6:14 flows.a.from source: there is no connector or system "led-form" to read from => lead-form',
      'c.yaml:7:14 flows.b.from source: which object of "twenty"? => twenty.person or twenty.person.created',
      'c.yaml:8:15 flows.c.from[0] source: "lead-form" has no object "x"; it has received => lead-form.received',
      'c.yaml:8:39 flows.c.from[2] duplicate-name: lead-form is listed already',
      'c.yaml:9:14 flows.d.from source: "a.b.c.d" is no source => connector, connector.object or connector.object.action',
      `c.yaml:9:30 flows.d.steps empty: this is empty => like [{"filter":"data.stage == 'WON'"}]`,
      'c.yaml:10:3 flows.e.from missing: `from` is missing: What it reads. => from: lead-form',
      'c.yaml:11:14 flows.f.from type: this must be text or a list, and is the number 5',
    ],
    'a system that gives no events': [
      lines(
        'systems:',
        '  api: { type: http, url: https://a.b }',
        'flows:',
        '  a: { from: api.x, steps: [filter: "true"] }',
      ),
      'c.yaml:4:14 flows.a.from source: "api" is of type http, and gives no events',
    ],
    "a flow's name alone": [
      `${FORM}${lines('flows:', '  a: { from: lead-form, steps: [filter: "true"] }', '  b: { from: a, steps: [filter: "true"] }')}`,
      'c.yaml:5:14 flows.b.from source: "a" is a flow; what it gave up on can be read => a.dead-letters',
    ],
    'flows that read what they give up on themselves': [
      lines(
        'flows:',
        '  a: { from: a.dead-letters, steps: [filter: "true"] }',
        '  b: { from: [c.dead-letters], steps: [filter: "true"] }',
        '  c: { from: b.dead-letters, steps: [filter: "true"] }',
      ),
      'c.yaml:2:8 flows.a.from circle: a flow cannot read its own dead letters: one that it fails on would come back for ever',
      "c.yaml:3:8 flows.b.from circle: these flows read each other's dead letters in a circle: b reads c reads b",
      "c.yaml:4:8 flows.c.from circle: these flows read each other's dead letters in a circle: c reads b reads c",
    ],
    settings: [
      `${FORM}${lines('flows:', '  a:', '    from: lead-form', '    start: yesterday', '    formerly: b', '    concurrency: 0', '    remember: 5d', '    step: [filter: "true"]', '  b: { from: lead-form, steps: [filter: "true"] }')}`,
      'c.yaml:6:12 flows.a.start enum: "yesterday" is not a place to start => now, earliest, or a time like 2026-01-31T00:00:00Z',
      'c.yaml:7:5 flows.a.formerly duplicate-name: there is a flow of this name, so this one was not called that before',
      'c.yaml:8:18 flows.a.concurrency minimum: this must be at least 1',
      'c.yaml:9:15 flows.a.remember remember: the log keeps events for 30d, and what was done with them would be forgotten before => 30d',
      'c.yaml:10:5 flows.a.step unknown-key: there is no key `step` here => steps',
    ],
    'windows that do not end': [
      `${FORM}${lines(
        'flows:',
        '  a: { from: lead-form, collect: {}, steps: [filter: "true"] }',
        '  b: { from: lead-form, collect: { every: 1h, cron: "0 * * * *" }, steps: [filter: "true"] }',
        '  c: { from: lead-form, collect: { cron: "0 0 31 2 *" }, steps: [filter: "true"] }',
        '  d: { from: lead-form, collect: { cron: "0 6 * * *", timeZone: Europe/Berln }, steps: [filter: "true"] }',
        '  e: { from: lead-form, collect: { every: 1h, by: company.id, keep: first, timeZone: Europe/Berlin }, steps: [filter: "true"] }',
        '  f: { from: lead-form, collect: { every: 0s }, steps: [filter: "true"] }',
      )}`,
      'c.yaml:4:25 flows.a.collect collect: nothing says when a window ends => every: 15m',
      'c.yaml:5:47 flows.b.collect.cron collect: `every` and `cron` both say when a window ends; one is enough',
      'c.yaml:6:36 flows.c.collect.cron collect: "0 0 31 2 *" is never due',
      'c.yaml:7:55 flows.d.collect.timeZone collect: there is no time zone "Europe/Berln" => Europe/Berlin',
      `c.yaml:8:51 flows.e.collect.by expression: there is no "company" here => one of event, data; text stands in quotes: 'company'`,
      'c.yaml:8:69 flows.e.collect.keep enum: "first" is not one of latest',
      'c.yaml:8:76 flows.e.collect.timeZone collect: `every` goes by no clock => leave it out',
      'c.yaml:9:36 flows.f.collect.every collect: a window of no time collects nothing => 15m',
    ],
    'two flows with one past': [
      `${FORM}${lines('flows:', '  a: { from: lead-form, formerly: x, steps: [filter: "true"] }', '  b: { from: lead-form, formerly: x, steps: [filter: "true"] }')}`,
      'c.yaml:5:25 flows.b.formerly duplicate-name: another flow was called that before, too',
    ],
    'remembering for less than the log keeps': [
      `log: { retention: 60d }\n${FORM}${lines('flows:', '  a: { from: lead-form, remember: 40d, steps: [filter: "true"] }')}`,
      'c.yaml:5:35 flows.a.remember remember: the log keeps events for 60d, and what was done with them would be forgotten before => 60d',
    ],
  },
  steps: {
    verbs: [
      flow(
        'upsrt: {}',
        'x',
        '{}',
        '{ filter: "true", when: "true" }',
        '{ filter: "true", upsert: {} }',
        '{ filter: "true", zzz: {} }',
      ),
      'c.yaml:9:9 flows.leads.steps[0].upsrt unknown-verb: there is no step `upsrt` => upsert',
      'c.yaml:10:9 flows.leads.steps[1] type: a step is a map with one verb, like `upsert: { … }`, not text "x" => one of each, …',
      'c.yaml:11:9 flows.leads.steps[2] missing: a step needs a verb => one of each, …',
      'c.yaml:12:27 flows.leads.steps[3].when misplaced-key: `when` belongs under `filter`, indented further => filter: { when: … }',
      'c.yaml:13:27 flows.leads.steps[4].upsert step-verbs: this step has `filter` already => - upsert: …',
      'c.yaml:14:27 flows.leads.steps[5].zzz unknown-key: a step has one key, its verb; `zzz` is a second one => filter: { zzz: … }',
    ],
    'caps on what only reads': [
      flow('find: { object: person, match: id, values: { id: data.id }, caps: { perDay: 1 } }'),
      'c.yaml:9:69 flows.leads.steps[0].find.caps misplaced-key: `caps` limits what is done, and `find` only reads => leave it out',
    ],
    'caps of nothing': [
      flow(
        'create: { object: person, values: { x: data.id }, caps: {} }',
        'create: { id: b, object: person, values: { x: data.id }, caps: { perDay: 0 } }',
      ),
      'c.yaml:9:59 flows.leads.steps[0].create.caps empty: this is empty => like {"perRecord":1,"perDay":50}',
      'c.yaml:10:82 flows.leads.steps[1].create.caps.perDay minimum: this must be at least 1',
    ],
    'a result without a name': [
      flow(
        'score: { rules: [{ name: a, when: "true", points: 1 }] }',
        'crossing: { value: data.x, below: 1, by: data.y }',
      ),
      'c.yaml:9:9 flows.leads.steps[0].score.as missing: `as` is missing: the name by which later steps see the result => as: score',
      'c.yaml:10:9 flows.leads.steps[1].crossing.as missing: `as` is missing: the name by which later steps see the result => as: fell',
    ],
    'a processor in one text or in a map': [
      flow(
        'filter: "datta.x == 1"',
        'filter: []',
        'filter: { keep: "true", wen: "true" }',
        'filter: { id: x }',
        'filter: 5',
        'filter:',
      ),
      'c.yaml:9:18 flows.leads.steps[0].filter expression: there is no "datta" here => data',
      'c.yaml:10:17 flows.leads.steps[1].filter type: this must be an expression or a map, and is a list',
      'c.yaml:11:9 flows.leads.steps[2].filter duplicate-id: two steps of this flow are called "filter" (the first in line 9); what was done is remembered by that name => id: filter-3',
      'c.yaml:11:33 flows.leads.steps[2].filter.wen unknown-key: there is no key `wen` here => when',
      'c.yaml:12:9 flows.leads.steps[3].filter.keep missing: `keep` is missing: …',
      `c.yaml:13:17 flows.leads.steps[4].filter expression: this gives a whole number, and true or false is needed => like data.stage == 'WON'`,
      'c.yaml:14:16 flows.leads.steps[5].filter type: this must be an expression or a map, and is nothing',
    ],
    'the system of an action': [
      flow(
        'upsert: { in: twnty, object: person, match: id }',
        'request: { path: /x }',
        'find: 5',
        'request: { in: twenty, path: /x }',
        'find: { in: twenty, via: twenty, object: person, recordId: data.id }',
      ),
      'c.yaml:9:23 flows.leads.steps[0].upsert.in unknown-system: there is no system "twnty" => twenty',
      'c.yaml:10:9 flows.leads.steps[1].request unknown-system: no system here has `request` => a system of type http under `systems`',
      'c.yaml:11:15 flows.leads.steps[2].find type: `find` must be a map, and is the number 5',
      'c.yaml:12:24 flows.leads.steps[3].request.in unknown-system: "twenty" is a twenty system and has no `request`; it has find, create, update, upsert, delete',
      'c.yaml:13:29 flows.leads.steps[4].find.via misplaced-key: `in` and `via` both name the system; one is enough',
    ],
    'an action that several systems have': [
      `${flow('find: { object: person, recordId: data.id }').replace('connectors:', '  other: { type: twenty, url: "${TWENTY_URL}", apiKey: "${TWENTY_API_KEY}" }\nconnectors:')}`,
      'c.yaml:10:9 flows.leads.steps[0].find.in missing: several systems have `find`: twenty, other => in: twenty',
    ],
    'a mistyped key or option of an action': [
      flow(
        'upsert: { object: person, match: x, onMatch: fill-emty, onDeleted: 5, onUnknown: rpeat, valeus: {}, wehn: "true" }',
      ),
      'c.yaml:9:54 flows.leads.steps[0].upsert.onMatch enum: "fill-emty" is not one of overwrite, fill-empty, keep => fill-empty',
      'c.yaml:9:76 flows.leads.steps[0].upsert.onDeleted enum: the number 5 is not one of hold, restore, skip',
      'c.yaml:9:90 flows.leads.steps[0].upsert.onUnknown enum: "rpeat" is not one of hold, repeat => repeat',
      'c.yaml:9:97 flows.leads.steps[0].upsert.valeus unknown-key: there is no key `valeus` here => values',
      'c.yaml:9:109 flows.leads.steps[0].upsert.wehn unknown-key: there is no key `wehn` here => when',
    ],
    'a union of text, list and map': [
      flow('upsert: { object: "", match: [] }', 'upsert: { object: 5, match: 5 }'),
      'c.yaml:9:27 flows.leads.steps[0].upsert.object empty: this is empty => like person',
      'c.yaml:9:38 flows.leads.steps[0].upsert.match empty: this is empty',
      'c.yaml:10:27 flows.leads.steps[1].upsert.object type: this must be text, and is the number 5 => "5"',
      'c.yaml:10:37 flows.leads.steps[1].upsert.match type: this must be text or a list or a map, and is the number 5',
    ],
    files: [
      flow('validate: { schema: ./no.json }', 'validate: { schema: 5, id: second }'),
      'c.yaml:9:29 flows.leads.steps[0].validate.schema file: the file no.json cannot be read: it does not exist',
      'c.yaml:10:29 flows.leads.steps[1].validate.schema type: this must be text or a map, and is the number 5',
    ],
    names: [
      flow(
        'transform: { a: data.x, b: a, c: zz }',
        'transform: { id: second, a: data.y, event: data.z, x-y: data.z }',
        'find: { object: person, recordId: b, as: b }',
        'find: { object: person, recordId: b, id: again, as: "in" }',
      ),
      `c.yaml:9:42 flows.leads.steps[0].transform.c expression: there is no "zz" here => one of event, data, a, b; text stands in quotes: 'zz'`,
      'c.yaml:10:34 flows.leads.steps[1].transform.a duplicate-name: an earlier step defines this name already => another name',
      'c.yaml:10:45 flows.leads.steps[1].transform.event duplicate-name: "event" is always there and cannot be replaced => another name',
      'c.yaml:10:60 flows.leads.steps[1].transform.x-y name: names have letters, digits and _ only, and do not begin with a digit => another name',
      'c.yaml:11:46 flows.leads.steps[2].find.as duplicate-name: an earlier step defines this name already => another name',
      'c.yaml:12:57 flows.leads.steps[3].find.as name: "in" is a reserved word => another name',
    ],
    'an id where a name was meant': [
      flow('transform: { id: data.id }'),
      'c.yaml:9:26 flows.leads.steps[0].transform.id name: under `transform`, `id` is what the step is called => another name for the value, like recordId',
    ],
    'two steps with one id': [
      flow(
        'create: { object: person }',
        'create: { object: person }',
        'create: { object: person, id: create-person }',
        'update: { object: person, recordId: data.x }',
        'update: { object: person, recordId: data.x }',
        'dedupe: { by: data.a }',
        'dedupe: { by: data.a }',
      ),
      'c.yaml:10:9 flows.leads.steps[1].create duplicate-id: two steps of this flow are called "create-person" (the first in line 9); what was done is remembered by that name => id: create-person-2',
      'c.yaml:11:35 flows.leads.steps[2].create duplicate-id: two steps of this flow are called "create-person" (the first in line 9); what was done is remembered by that name => id: create-person-2',
      'c.yaml:13:9 flows.leads.steps[4].update duplicate-id: two steps of this flow are called "update-person" (the first in line 12); what was done is remembered by that name => id: update-person-2',
      'c.yaml:15:9 flows.leads.steps[6].dedupe duplicate-id: two steps of this flow are called "dedupe" (the first in line 14); what was done is remembered by that name => id: dedupe-2',
    ],
    choose: [
      flow(
        'choose: [{ when: data.a, do: [{ filter: data.b }] }, { do: [{ transform: { c: data.c } }] }]',
        'filter: c',
        'choose: [{ do: [{ filter: data.b }] }, { when: data.a, do: [{ filter: dat.b }] }]',
        'choose: []',
        'choose: { when: data.a }',
        'choose: [{ when: "\'a\'", do: [], id: x }, data.x]',
      ),
      'c.yaml:10:17 flows.leads.steps[1].filter expression: there is no "c" here => …',
      'c.yaml:11:48 flows.leads.steps[2].choose[1] unreachable: this branch is never reached: the one before it has no `when`, so it takes all that is left => the branch without `when` last',
      'c.yaml:11:79 flows.leads.steps[2].choose[1].do[0].filter expression: there is no "dat" here => data',
      'c.yaml:12:17 flows.leads.steps[3].choose empty: this is empty => - { when: "…", do: [ … ] }',
      'c.yaml:13:17 flows.leads.steps[4].choose type: `choose` must be a list of branches, and is a map => - { when: "…", do: [ … ] }',
      'c.yaml:14:27 …',
      'c.yaml:14:37 …',
      'c.yaml:14:41 …',
      'c.yaml:14:50 …',
    ],
    each: [
      flow(
        'each: { over: data.items, do: [{ create: { object: person, values: { x: item.y } } }, { filter: item2.x }], key: item.id }',
        'filter: item.x',
        'each: { over: "\'a\'", as: data, do: [], concurency: 3, id: second }',
        'each: data.x',
      ),
      'c.yaml:9:105 flows.leads.steps[0].each.do[1].filter expression: there is no "item2" here => item',
      `c.yaml:10:17 flows.leads.steps[1].filter expression: there is no "item" here => one of event, data; text stands in quotes: 'item'`,
      'c.yaml:11:24 flows.leads.steps[2].each.over expression: this gives text, and a list is needed => like data.items',
      'c.yaml:11:34 flows.leads.steps[2].each.as duplicate-name: "data" is always there and cannot be replaced => another name',
      'c.yaml:11:44 flows.leads.steps[2].each.do empty: this is empty => like [{"create":{"object":"task","values":{"title":"item.title"}}}]',
      'c.yaml:11:48 flows.leads.steps[2].each.concurency unknown-key: there is no key `concurency` here => concurrency',
      'c.yaml:12:15 flows.leads.steps[3].each type: `each` must be a map, and is text "data.x" => over: data.items',
    ],
    'each over pages': [
      flow(
        'each: { over: { find: { object: person, by: { name: data.x }, as: a } }, batch: 0, onFailure: go, summary: all, do: [{ filter: all.done > 1.0 }] }',
        'filter: all.done > 1.0',
        'each: { over: { upsert: { object: person, match: name, values: {} } }, id: second, do: [{ filter: data.a }] }',
        'each: { over: { filter: data.a }, id: third, summary: all, do: [{ filter: data.a }] }',
      ),
      'c.yaml:9:71 flows.leads.steps[0].each.over.find.as misplaced-key: what `each` goes over has no `as` of its own => each: { as: … }',
      'c.yaml:9:89 flows.leads.steps[0].each.batch minimum: this must be at least 1',
      'c.yaml:9:103 flows.leads.steps[0].each.onFailure enum: "go" is not one of stop, next',
      'c.yaml:9:136 flows.leads.steps[0].each.do[0].filter expression: there is no "all" here => …',
      'c.yaml:11:25 flows.leads.steps[2].each.over not-paged: `upsert` does not give a list page by page => a list, or one of find',
      'c.yaml:12:25 flows.leads.steps[3].each.over not-paged: `filter` does not give a list page by page => a list, or one of find',
      'c.yaml:12:54 flows.leads.steps[3].each.summary duplicate-name: an earlier step defines this name already => another name',
    ],
    'nothing is unknown after a step that was not understood': [
      flow('transfrom: { a: data.x }', 'filter: a == 1'),
      'c.yaml:9:9 flows.leads.steps[0].transfrom unknown-verb: there is no step `transfrom` => transform',
    ],
  },
  expressions: {
    'in a tree, and of another result': [
      flow(
        'create: { object: person, values: { name: { firstName: data.name( }, x: 5, tags: [data.a, datax] }, when: "1 + 1", key: "data.x == 1" }',
      ),
      'c.yaml:9:73 flows.leads.steps[0].create.values.name.firstName expression: this `(` is not closed; `)` is missing => data.name()',
      'c.yaml:9:99 flows.leads.steps[0].create.values.tags[1] expression: there is no "datax" here => data',
      `c.yaml:9:116 flows.leads.steps[0].create.when expression: this gives a whole number, and true or false is needed => like data.stage == 'WON'`,
      `c.yaml:9:130 flows.leads.steps[0].create.key expression: this gives true or false, and text is needed => like data.email + '/' + data.formId`,
    ],
    'over several lines': [
      `${SYSTEM}${FORM}${lines('flows:', '  a:', '    from: lead-form', '    steps:', '      - filter: |', '          data.a == 1 &&', '            dat.b == 2', '      - transform:', '          x: >-', '            foo +', '            1', "          y: 'it''s'")}`,
      'c.yaml:11:13 flows.a.steps[0].filter expression: there is no "dat" here => data',
      `c.yaml:14:13 flows.a.steps[1].transform.x expression: there is no "foo" here => one of event, data; text stands in quotes: 'foo'`,
      "c.yaml:16:17 flows.a.steps[1].transform.y expression: the text that begins here has no closing '",
    ],
  },
  'log, state and server': {
    'Kafka without TLS, and keys of another log': [
      lines(
        'log:',
        '  type: kafka',
        '  brokers: kafka-1:9092,localhost:9092',
        '  folder: ./x',
        '  maxSize: 5GB',
        '  sasl: { mechanism: scram, username: a, password: b }',
      ),
      'c.yaml:1:1 state missing: beside Kafka, `state` must say where flows remember => state: { type: redis, url: "${REDIS_URL}" }',
      'c.yaml:3:12 log.brokers insecure-url: Kafka at kafka-1:9092 has no TLS: what is sent can be read on the way => `tls: true`, or `insecure: true` in log when the way is trusted',
      'c.yaml:4:3 log.folder misplaced-key: `folder` is for `type: embedded`, and this log is kafka => type: embedded',
      'c.yaml:5:3 log.maxSize misplaced-key: `maxSize` is for `type: embedded`, and this log is kafka => type: embedded',
      'c.yaml:5:12 log.maxSize pattern: this is not a size => a number and B, KiB, MiB or GiB: 64KiB, 5MiB',
      'c.yaml:6:22 log.sasl.mechanism enum: "scram" is not one of plain, scram-sha-256, scram-sha-512',
      'c.yaml:6:52 log.sasl.password literal-secret: a secret is written out here; it belongs in the environment or in a file => "${KAFKA_PASSWORD}"',
    ],
    'brokers, and a state beside another log': [
      lines('log:', '  type: kafka', '  brokers: [kafka-1]', '  tls: true', 'state:', '  type: embedded'),
      'c.yaml:3:13 log.brokers[0] pattern: "kafka-1" is not a broker => like kafka-1:9092',
      'c.yaml:6:9 state.type engine: `log: embedded` and `state: embedded` go together: both are one file => redis',
    ],
    'Kafka without brokers': [
      lines('log:', '  type: kafka', 'state: { url: "redis://localhost" }'),
      'c.yaml:1:1 log.brokers missing: `brokers` is missing => brokers: kafka-1:9093,kafka-2:9093',
    ],
    'certificates that nobody checks': [
      lines(
        'log:',
        '  type: kafka',
        '  brokers: kafka-1:9093',
        '  tls: { rejectUnauthorized: false }',
        'state: { url: "redis://localhost" }',
      ),
      'c.yaml:4:30 log.tls.rejectUnauthorized insecure-url: without a check of certificates anybody can pass for the other side => `ca` with the certificate to trust, or `insecure: true` in log',
    ],
    'Redis without TLS, with its password': [
      lines(
        'log: { type: kafka, brokers: "localhost:9092" }',
        'state:',
        '  type: redis',
        '  url: redis://:sk_live_1@redis.local:6379',
        '  prefix: "a{b}"',
      ),
      'c.yaml:4:8 state.url literal-secret: a password is written out in this URL; it belongs in the environment or in a file => redis://:${PASSWORD}@redis.local:6379',
      'c.yaml:4:8 state.url insecure-url: redis://redis.local:6379 has no TLS: what is sent can be read on the way => rediss://redis.local:6379, or `insecure: true` in state when the way is trusted',
      'c.yaml:5:11 state.prefix pattern: this does not fit the pattern ^[^{}\\s]*$ => like crm-production:',
    ],
    'Redis without an address': [
      lines('log: { type: kafka, brokers: "localhost:9092" }', 'state:', '  type: redis'),
      'c.yaml:2:1 state.url missing: `url` is missing => url: "${REDIS_URL}"',
    ],
    'Redis beside the embedded log': [
      lines('state:', '  type: redis', '  url: ["redis://a.b", "http://x"]'),
      'c.yaml:2:9 state.type engine: `log: embedded` and `state: embedded` go together: both are one file => embedded',
      'c.yaml:3:9 state.url[0] insecure-url: redis://a.b has no TLS: what is sent can be read on the way => rediss://a.b, or `insecure: true` in state when the way is trusted',
      'c.yaml:3:24 state.url[1] pattern: this does not fit the pattern ^rediss?://[^\\s]+$ => like rediss://redis.example.com:6380',
    ],
    'keys of another engine': [
      lines('log:', '  brokers: a:1', 'state:', '  tls: true'),
      'c.yaml:2:3 log.brokers misplaced-key: `brokers` is for `type: kafka`, and this log is embedded by default => type: kafka',
      'c.yaml:4:3 state.tls misplaced-key: `tls` is for `type: redis`, and this state is embedded by default => type: redis',
    ],
    server: [
      lines('server:', '  port: 99999', '  publicUrl: sync.example.com'),
      'c.yaml:2:9 server.port maximum: this must be at most 65535',
      'c.yaml:3:14 server.publicUrl pattern: this does not fit the pattern ^https?://[^\\s/?#]+[^\\s?#]*$ => like https://sync.example.com',
    ],
  },
}

/** An expectation that ends in `…` leaves the rest to the components and their words. */
function cutLike(line: string, expected = ''): string {
  if (!expected.endsWith('…')) return line
  return `${line.slice(0, expected.length - 1)}…`
}

describe.each(Object.entries(BAD))('%s', (_, cases) => {
  it.each(Object.entries(cases))('%s', async (_title, [config, ...problems]) => {
    const found = await linesOf(config)
    expect(found.map((line, at) => cutLike(line, problems[at]))).toEqual(problems)
    // P9: what is said of a secret never shows it.
    expect(found.join('\n')).not.toMatch(/sk_live|key-of/)
  })
})
