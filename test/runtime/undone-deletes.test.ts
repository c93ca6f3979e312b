import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Connector } from '../../src/connectors/connector.ts'
import twentyConnector from '../../src/connectors/twenty.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { memoryLog } from '../../src/log/memory.ts'
import { Batcher } from '../../src/runtime/batcher.ts'
import { Claims } from '../../src/runtime/claims.ts'
import type { CompiledFlow } from '../../src/runtime/compiled-flow.ts'
import { DeadLetters } from '../../src/runtime/dead-letters.ts'
import { FlowRunner } from '../../src/runtime/flow-runner.ts'
import { Redactor } from '../../src/runtime/redact.ts'
import type { ActionStep } from '../../src/runtime/step.ts'
import { TopicNames } from '../../src/runtime/topics.ts'
import { WriteLedger } from '../../src/runtime/write-ledger.ts'
import type { Sink } from '../../src/sinks/sink.ts'
import { actions } from '../../src/sinks/twenty/actions.ts'
import { makeEvent } from '../support/make-event.ts'
import { type TwentyBench, twentyBench } from '../support/twenty-bench.ts'
import { until } from '../support/until.ts'

const FORMS = 'test.form.received'
const PEOPLE = 'test.twenty.person'
const SECRET = 'whsec_test'

let twenty: TwentyBench
let connector: Connector
let log: EventLog

beforeEach(async () => {
  twenty = await twentyBench({
    sandbox: {
      faults: { rateLimit: { enabled: false } },
      send: async (_url, headers, body) => {
        const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
        const request = { method: 'POST', path: '/', query: {}, headers: lower, body: Buffer.from(body) }
        const { events } = await connector.receive!({ ...request, receivedAt: twenty.env.clock.now() })
        if (events.length > 0) await log.append(PEOPLE, events)
        return 202
      },
    },
  })
  const { context, client, config, env } = twenty
  connector = twentyConnector.create({ ...config, webhookSecret: SECRET }, { ...context, client, objects: ['person'] })
  log = memoryLog({ clock: env.clock })
  await client.schemas.refresh()
  await client.saveWebhook({ targetUrl: 'http://127.0.0.1:1/hooks/twenty', operations: ['*.*'], secret: SECRET })
})
afterEach(() => twenty.stop())

/** A flow that writes to people what comes in by a form, and reads what becomes of people. */
function flowOn(sink: Sink, actionsRead?: ReadonlySet<string>): FlowRunner {
  const { env, state, context } = twenty
  const claims = { coordinator: context.coordinator, clock: env.clock, random: env.random, owner: 'one', shared: false }
  const signal = new AbortController().signal
  const batcher = new Batcher({ system: 'twenty', sink, actions, env, claims: new Claims(claims), signal })
  const step: ActionStep = {
    kind: 'action',
    id: 'update-person',
    verb: 'update',
    when: compileExpression("event.type == 'received.received'"),
    system: { name: 'twenty', batcher, echoes: true, failed: () => {} },
    action: 'update',
    spec: { effect: 'safe' },
    effect: 'safe',
    args: ({ event }) => ({
      object: 'person',
      recordId: (event as { key: string }).key,
      values: { jobTitle: 'from the form' },
    }),
    onUnknown: 'hold',
    last: true,
  }
  const flow: CompiledFlow = {
    name: 'forms',
    identity: 'forms',
    group: 'test.flow.forms',
    topics: new Map([
      [FORMS, undefined],
      [PEOPLE, actionsRead],
    ]),
    redriveTopic: 'test.forms.redrive',
    start: 'earliest',
    concurrency: 100,
    rememberMs: 3_600_000,
    steps: [step],
    echoSystems: new Map([[PEOPLE, 'twenty']]),
  }
  const topics = new TopicNames('test')
  const redactor = new Redactor([])
  const deadLetters = new DeadLetters({ log, state, clock: env.clock, topics, redactor, configHash: 'test' })
  return new FlowRunner({ flow, log, state, env, deadLetters, ledger: new WriteLedger(state), drainMs: 1000 })
}

it.each([undefined, new Set(['created'])])(
  'a record deleted between the read and the batched write of a flow is deleted again (P7), whatever the flow reads: %s',
  async actionsRead => {
    const { sink } = twenty
    const me = twenty.twenty.asUser(String(twenty.twenty.members[0]!.id))
    const people = twenty.twenty.seed('people', [{ jobTitle: 'a' }, { jobTitle: 'b' }])
    let deleted = false
    const runner = flowOn(
      {
        ...sink,
        // As late as can be: the intents are stored, the batch is about to leave.
        deliver: (plans, signal) => {
          if (!deleted) me.softDelete('people', String(people[0]!.id))
          deleted = true
          return sink.deliver(plans, signal)
        },
      },
      actionsRead,
    )
    const stopping = new AbortController()
    const ended = runner.run(stopping.signal)
    const events = people.map(({ id }) => makeEvent({ key: String(id), type: 'received.received', source: '/form' }))
    await log.append(FORMS, events)
    const rows = () => twenty.twenty.rows('people')
    await until(() => rows().every(row => row.jobTitle === 'from the form') && Boolean(rows()[0]!.deletedAt))
    await twenty.twenty.waitForDeliveries()
    await until(async () => (await log.lag(PEOPLE, 'test.flow.forms')) === 0)
    expect(rows().map(row => [row.jobTitle, Boolean(row.deletedAt)])).toEqual([
      ['from the form', true],
      ['from the form', false],
    ])
    stopping.abort()
    await ended
  },
)
