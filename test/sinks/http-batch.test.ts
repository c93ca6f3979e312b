import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../../src/environment.ts'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { Batcher } from '../../src/runtime/batcher.ts'
import { Claims } from '../../src/runtime/claims.ts'
import { HttpSink } from '../../src/sinks/http/sink.ts'
import http from '../../src/sinks/http.ts'
import type { Effect, Item, Plan } from '../../src/sinks/sink.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

interface Member {
  readonly email: string
  readonly name?: string
}

interface Call {
  readonly method: string
  readonly url: string
  readonly members: Member[]
}

/** Whole answer to a call; a SyncError loses it. */
type Answer = (call: Call) => { status?: number; body?: unknown; headers?: Record<string, string> } | SyncError

const ANSWERS = {
  at: 'results',
  ok: "answer.status == 'ok'",
  retry: "answer.status == 'busy'",
  id: { item: 'item.email', answer: 'answer.email' },
}
const BATCH = { size: 5, body: "{'members': items}", answers: ANSWERS }

/** A platform that takes members in batches; every one is taken unless a test says otherwise. */
class Platform {
  readonly bench = new FlowBench()
  readonly calls: Call[] = []
  readonly sink: HttpSink
  answer: Answer = call => this.each(call, () => 'ok')
  readonly #coordinator = localCoordinator({ clock: this.bench.clock })

  constructor() {
    const env = { ...this.bench.env, http: (request: HttpRequest) => this.#receive(request) }
    const context = { name: 'platform', env, coordinator: this.#coordinator, compile: compileExpression }
    this.sink = new HttpSink({ url: 'https://platform.example.com' }, context)
  }

  each({ members }: Call, status: (member: Member) => string) {
    return { body: { results: members.map(member => ({ email: member.email, status: status(member) })) } }
  }

  flow(effect: Effect, args: Fields = {}) {
    const { bench } = this
    const claims = new Claims({
      coordinator: this.#coordinator,
      clock: bench.clock,
      random: () => 0.5,
      owner: 'bench',
      shared: false,
    })
    const batcher = new Batcher({
      system: 'platform',
      sink: this.sink,
      actions: { request: { effect } },
      env: bench.env,
      claims,
      signal: new AbortController().signal,
    })
    const system = { name: 'platform', batcher, echoes: false, failed: () => {} }
    const step = bench.effect(effect, {
      system,
      action: 'request',
      spec: { effect },
      args: scope => ({ path: '/members', body: scope.data, batch: BATCH, ...args }),
    })
    return bench.start(bench.flow([step]))
  }

  async append(...names: string[]): Promise<void> {
    const { bench } = this
    await bench.log.append(
      TOPIC,
      names.map(name => bench.event(name, { email: name })),
    )
  }

  async #receive({ method, url, body }: HttpRequest) {
    const parsed = JSON.parse(String(body))
    const call = { method, url, members: Array.isArray(parsed) ? parsed : parsed.members }
    this.calls.push(call)
    const answer = this.answer(call)
    if (answer instanceof SyncError) throw answer
    return {
      status: answer.status ?? 200,
      headers: { 'content-type': 'application/json', ...answer.headers },
      body: Buffer.from(JSON.stringify(answer.body ?? {})),
    }
  }

  /** Who was in each call. */
  get sent(): string[][] {
    return this.calls.map(({ members }) => members.map(({ email }) => email))
  }

  async letters(): Promise<unknown[]> {
    const letters = await this.bench.deadLetters.list('leads')
    return letters.map(({ letter }) => [(letter.event.data as unknown as Member).email, letter.code])
  }
}

const names = (count: number, prefix = 'p') => Array.from({ length: count }, (_, n) => `${prefix}${n}@example.com`)

describe('a batch', () => {
  it('holds the items of many events', async () => {
    const platform = new Platform()
    const flow = platform.flow('safe')
    await platform.append(...names(12))
    await platform.bench.clock.advance(10_000)
    expect(platform.sent.map(each => each.length)).toEqual([5, 5, 2])
    expect(platform.sent.flat()).toEqual(names(12))
    expect(await platform.bench.lag()).toBe(0)
    await flow.stop()
  })

  it('tries again alone what may pass later, and gives up alone what never will', async () => {
    const platform = new Platform()
    const flow = platform.flow('safe')
    let tries = 0
    platform.answer = call =>
      platform.each(call, ({ email }) => {
        if (email.startsWith('bad')) return 'refused'
        return email.startsWith('p1') && ++tries < 3 ? 'busy' : 'ok'
      })
    await platform.append('p0@x', 'p1@x', 'bad@x', 'p2@x', 'p3@x')
    await platform.bench.clock.advance(60_000)
    expect(platform.sent).toEqual([['p0@x', 'p1@x', 'bad@x', 'p2@x', 'p3@x'], ['p1@x'], ['p1@x']])
    expect(await platform.letters()).toEqual([['bad@x', 'ITEM_REFUSED']])
    expect(await platform.bench.lag()).toBe(0)
    await flow.stop()
  })

  it('that is refused as a whole is halved until the item is found that it is about', async () => {
    const platform = new Platform()
    const flow = platform.flow('safe')
    platform.answer = call =>
      call.members.some(({ email }) => email === 'bad@x') ? { status: 422 } : platform.each(call, () => 'ok')
    await platform.append('p0@x', 'p1@x', 'bad@x', 'p2@x', 'p3@x')
    await platform.bench.clock.advance(20_000)
    expect(await platform.letters()).toEqual([['bad@x', 'REQUEST_REFUSED']])
    expect(await platform.bench.lag()).toBe(0)
    await flow.stop()
  })

  it('that is too large for the API is halved, and no item suffers for it', async () => {
    const platform = new Platform()
    const flow = platform.flow('safe')
    platform.answer = call => (call.members.length > 2 ? { status: 413 } : platform.each(call, () => 'ok'))
    await platform.append(...names(5))
    await platform.bench.clock.advance(20_000)
    expect(await platform.letters()).toEqual([])
    expect(await platform.bench.lag()).toBe(0)
    await flow.stop()
  })

  it('is shared only by steps that mean the same by its statuses', () => {
    const { sink } = new Platform()
    const kindOf = (args: Fields) =>
      sink.batchOf({ args: { path: '/members', batch: BATCH, ...args } } as unknown as Item)!.kind
    expect(kindOf({ body: 1, result: 'a' })).toBe(kindOf({ body: 2, result: 'b' }))
    for (const args of [{ success: [404] }, { retry: [404] }, { path: '/others' }, { method: 'PUT' }])
      expect(kindOf(args)).not.toBe(kindOf({}))
  })

  it('P3: whose answer was lost is held for a person, item by item, where a repeat would be a second effect', async () => {
    const platform = new Platform()
    const flow = platform.flow('blind')
    platform.answer = () => new SyncError('retryable', 'CONNECTION_LOST', 'no answer', { outcomeUnknown: true })
    await platform.append('p0@x', 'p1@x')
    await platform.bench.clock.advance(60_000)
    expect(platform.sent.flat().sort()).toEqual(['p0@x', 'p1@x'])
    expect((await platform.letters()).sort()).toEqual([
      ['p0@x', 'OUTCOME_UNKNOWN'],
      ['p1@x', 'OUTCOME_UNKNOWN'],
    ])
    await flow.stop()
  })

  it('P8: waits as long as a 429 says, with all of its items', async () => {
    const platform = new Platform()
    const flow = platform.flow('safe')
    platform.answer = call =>
      platform.calls.length === 1 ? { status: 429, headers: { 'retry-after': '20' } } : platform.each(call, () => 'ok')
    await platform.append(...names(5))
    await platform.bench.clock.advance(19_000)
    expect(platform.calls).toHaveLength(1)
    await platform.bench.clock.advance(20_000)
    expect(platform.sent.slice(1).flat().sort()).toEqual(names(5))
    await flow.stop()
  })

  it('P4: never holds two items of one id; they go one after the other', async () => {
    const platform = new Platform()
    const { bench } = platform
    const flow = platform.flow('safe')
    const twice = ['first', 'second', 'third'].map((name, n) => bench.event(`r${n}`, { email: 'ada@x', name }))
    await bench.log.append(TOPIC, [...twice, bench.event('other', { email: 'eve@x', name: 'other' })])
    await bench.clock.advance(10_000)
    expect(platform.calls.map(({ members }) => members.map(({ name }) => name))).toEqual([
      ['first', 'other'],
      ['second'],
      ['third'],
    ])
    await flow.stop()
  })
})

const never = new AbortController().signal

/** Deliveries of items with these bodies, in one `deliver`. */
async function deliver(platform: Platform, args: Fields, bodies: readonly unknown[]) {
  const plans = bodies.map((body, n): Plan => {
    const item: Item = {
      action: 'request',
      args: { path: '/members', batch: BATCH, ...args, body },
      key: `flow/step/e${n}`,
      id: `uuid-${n}`,
      time: '2026-11-24T10:00:00.000Z',
      outcomeUnknown: false,
      priority: 'live',
    }
    return { item, operation: 'send' }
  })
  const deliveries = await platform.sink.deliver(plans, never)
  return deliveries.map(delivery => {
    if (delivery.status === 'failed') return [delivery.error.code, delivery.error.kind, delivery.error.outcomeUnknown]
    return delivery.status === 'delivered' ? delivery.result : delivery.status
  })
}

describe('the answer to a batch', () => {
  const [a, b] = [{ email: 'a@x' }, { email: 'b@x' }]
  const unclear = ['INVALID_ANSWER', 'retryable', true]

  it('is found by what item and answer have in common, in any order', async () => {
    const platform = new Platform()
    const answers = [
      { email: 'b@x', status: 'refused', why: 'blocked' },
      { email: 'a@x', status: 'ok', n: 1 },
    ]
    platform.answer = () => ({ body: { results: answers } })
    expect(await deliver(platform, {}, [a, b])).toEqual([
      { status: 200, body: { email: 'a@x', status: 'ok', n: 1 } },
      ['ITEM_REFUSED', 'rejected', false],
    ])
    expect(await deliver(platform, { result: 'n' }, [a])).toEqual([1])
  })

  it('is found by its place where nothing else is said', async () => {
    const platform = new Platform()
    platform.answer = () => ({ body: [{ ok: true }, { ok: false }] })
    const batch = { size: 5, answers: { ok: 'answer.ok' } }
    expect(await deliver(platform, { batch }, [a, b])).toEqual([
      { status: 200, body: { ok: true } },
      ['ITEM_REFUSED', 'rejected', false],
    ])
    expect(platform.sent).toEqual([['a@x', 'b@x']])
  })

  it('may name only what was not taken', async () => {
    const platform = new Platform()
    const id = { item: 'item.email', answer: 'answer.email_address' }
    const batch = { size: 5, answers: { at: 'errors', only: 'failed', id } }
    platform.answer = () => ({ body: { errors: [{ email_address: 'b@x' }] } })
    expect(await deliver(platform, { batch }, [a, b])).toEqual([
      { status: 200, body: null },
      ['ITEM_REFUSED', 'rejected', false],
    ])
    platform.answer = () => ({ body: { added: 2 } })
    expect(await deliver(platform, { batch }, [a, b])).toEqual([
      { status: 200, body: null },
      { status: 200, body: null },
    ])
  })

  it.each<[string, unknown]>([
    ['somebody else', { email_address: 'B@X' }],
    ['nobody', { why: 'blocked' }],
  ])('P2: that says what was not taken of %s leaves all open but those that it names', async (_name, other) => {
    const platform = new Platform()
    const id = { item: 'item.email', answer: 'answer.email_address' }
    const batch = { size: 5, answers: { at: 'errors', only: 'failed', id } }
    platform.answer = () => ({ body: { errors: [{ email_address: 'a@x' }, other] } })
    expect(await deliver(platform, { batch }, [a, b])).toEqual([['ITEM_REFUSED', 'rejected', false], unclear])
  })

  it('is that of all where nothing is said of each', async () => {
    const platform = new Platform()
    platform.answer = () => ({ status: 202 })
    expect(await deliver(platform, { batch: { size: 5 } }, [a, b])).toEqual([
      { status: 202, body: null },
      { status: 202, body: null },
    ])
  })

  it.each<[string, unknown, unknown[]]>([
    ['no list', { results: 'many' }, [unclear, unclear]],
    [
      'nothing of an item',
      { results: [{ email: 'a@x', status: 'ok' }] },
      [{ status: 200, body: { email: 'a@x', status: 'ok' } }, unclear],
    ],
    [
      'what cannot be judged',
      { results: [{ email: 'a@x' }, { email: 'b@x', status: 'ok' }] },
      [unclear, { status: 200, body: { email: 'b@x', status: 'ok' } }],
    ],
  ])('with %s leaves open what became of it', async (_name, body, expected) => {
    const platform = new Platform()
    platform.answer = () => ({ body })
    expect(await deliver(platform, {}, [a, b])).toEqual(expected)
  })

  it('by place with another number of entries leaves all open', async () => {
    const platform = new Platform()
    platform.answer = () => ({ body: [{ ok: true }] })
    const batch = { size: 5, answers: { ok: 'answer.ok' } }
    expect(await deliver(platform, { batch }, [a, b])).toEqual([unclear, unclear])
  })

  it('belongs to items of one address', async () => {
    const platform = new Platform()
    const item = (list: string, email: string) => ({ list, email })
    const plans = [item('one', 'a@x'), item('two', 'b@x'), item('one', 'c@x'), item('..', 'd@x')].map(
      ({ list, email }, n): Plan => ({
        operation: 'send',
        item: {
          action: 'request',
          args: { path: '/lists/{list}', params: { list }, batch: BATCH, body: { email } },
          key: `${n}`,
          id: `${n}`,
          time: '',
          outcomeUnknown: false,
          priority: 'live',
        },
      }),
    )
    const deliveries = await platform.sink.deliver(plans, never)
    expect(deliveries.map(({ status }) => status)).toEqual(['delivered', 'delivered', 'delivered', 'failed'])
    expect(platform.calls.map(({ url, members }) => [new URL(url).pathname, members.length])).toEqual([
      ['/lists/one', 2],
      ['/lists/two', 1],
    ])
  })
})

describe('config of a batch', () => {
  const faults = (config: Fields) =>
    http.actions.request!.check!({ path: '/x', body: {}, batch: BATCH, ...config } as never, undefined)

  it.each<[string, Fields, string[]]>([
    ['a method without a body', { method: 'GET' }, ['method']],
    ['nothing that an item gives', { body: undefined }, ['batch']],
    ['a form', { bodyType: 'form' }, ['bodyType']],
    ['one key for all items', { idempotencyHeader: 'Idempotency-Key' }, ['idempotencyHeader']],
    ['answers that say nothing', { batch: { size: 5, answers: { at: 'x' } } }, ['batch', 'answers']],
    ['failures without an id', { batch: { size: 5, answers: { only: 'failed' } } }, ['batch', 'answers']],
    ['both', { batch: { size: 5, answers: { ...ANSWERS, only: 'failed' } } }, ['batch', 'answers', 'ok']],
    ['a range that is none', { success: ['299-200'] }, ['success', '0']],
  ])('is refused with %s', (_name, config, path) => {
    expect(faults(config).map(fault => fault.path.map(String))).toEqual([path])
  })

  it('is taken as it should be', () => {
    expect(faults({ success: [204, '200-202'] })).toEqual([])
  })
})
