import { describe, expect, it } from 'vitest'
import type { DeadLetter } from '../../src/runtime/dead-letters.ts'
import type { Operations } from '../../src/runtime/operations.ts'
import { cli } from './fake-shell.ts'

const LETTER: DeadLetter = {
  id: '9c41d2aa-0000-5000-8000-000000000001',
  flow: 'web-form-leads',
  step: 'validate',
  code: 'SCHEMA_MISMATCH',
  kind: 'rejected',
  message: 'data/email must match format "email"',
  attempts: 1,
  firstAt: '2026-11-24T09:58:00.000Z',
  lastAt: '2026-11-24T09:58:00.000Z',
  configHash: 'abc123',
  topic: 'twenty-sync.lead-form.received',
  partition: 0,
  offset: 12,
  event: {
    id: 'e1',
    type: 'received.received',
    source: '/lead-form',
    subject: 'received/e1',
    time: '2026-11-24T09:58:00.000Z',
    key: 'e1',
    data: { email: 'not an address' },
  },
  names: {},
}
const REFUSED: DeadLetter = {
  ...LETTER,
  id: '9c417b03-0000-5000-8000-000000000002',
  step: 'upsert-person',
  code: 'TWENTY_REFUSED',
  message: 'twenty: POST /people answered 400: Invalid phone number',
  status: 400,
  details: '{"messages":["Invalid phone number"]}',
  attempts: 3,
  names: { email: 'ada@example.com' },
}
const listed = [
  { letter: REFUSED, resolution: 'open' as const },
  { letter: LETTER, resolution: 'open' as const },
]

/** Operations that write down what is asked of them. */
function recording(answer: number): { asked: [string, unknown][]; operations: Partial<Operations> } {
  const asked: [string, unknown][] = []
  const note = (name: string) => async (query: unknown) => {
    asked.push([name, query])
    return answer
  }
  return {
    asked,
    operations: {
      listDeadLetters: async () => listed,
      redriveDeadLetters: note('redrive'),
      discardDeadLetters: note('discard'),
    },
  }
}

describe('dead-letters list', () => {
  it('lists letters and what they died of', async () => {
    const { stdout } = await cli(['dead-letters', 'list'], { ...recording(0), tty: true })
    expect(stdout.text).toMatchInlineSnapshot(`
      "ID        FLOW            STEP           LAST    CODE             SUBJECT
      9c417b03  web-form-leads  upsert-person  2m ago  TWENTY_REFUSED   received/e1
          twenty: POST /people answered 400: Invalid phone number
      9c41d2aa  web-form-leads  validate       2m ago  SCHEMA_MISMATCH  received/e1
          data/email must match format "email"

      2 dead letters: 1 TWENTY_REFUSED at upsert-person, 1 SCHEMA_MISMATCH at validate
      "
    `)
  })

  it('gives the letters as they are with --json', async () => {
    expect((await cli(['dead-letters', 'list', '--json'], recording(0))).json).toEqual(listed)
  })

  it('says so when there are none', async () => {
    const { stdout } = await cli(['dead-letters', 'list'], { operations: { listDeadLetters: async () => [] } })
    expect(stdout.text).toBe('no dead letters\n')
  })
})

describe('dead-letters redrive --set', () => {
  it('corrects fields of the one that is named', async () => {
    const { asked, operations } = recording(1)
    const set = { email: 'ada@example.com', name: null }
    await cli(['dead-letters', 'redrive', LETTER.id, '--set', JSON.stringify(set)], { operations })
    expect(asked).toEqual([['redrive', { ids: [LETTER.id], set }]])
  })

  it.each([
    [['--all', '--set', '{"a":1}'], 'name it by its id'],
    [['a', 'b', '--set', '{"a":1}'], 'name it by its id'],
    [['a', '--set', '[1]'], 'a JSON object'],
    [['a', '--set', 'email=x'], 'a JSON object'],
  ])('refuses %j', async (words, says) => {
    const { asked, operations } = recording(1)
    const { stderr, code } = await cli(['dead-letters', 'redrive', ...words], { operations })
    expect(stderr.text).toContain(says)
    expect([code, asked]).toEqual([2, []])
  })
})

describe('dead-letters show', () => {
  it('shows the cause, the answer, and the event as the step saw it', async () => {
    const { stdout } = await cli(['dead-letters', 'show', REFUSED.id], { ...recording(0), tty: true })
    expect(stdout.text).toMatchInlineSnapshot(`
      "dead letter  9c417b03-0000-5000-8000-000000000002, open
      flow         web-form-leads, step upsert-person
      cause        TWENTY_REFUSED: twenty: POST /people answered 400: Invalid phone number
      answer       HTTP 400
      tried        3 times, first 2026-11-24T09:58:00.000Z
      given up     2026-11-24T09:58:00.000Z, 2m ago
      event        received.received received/e1, e1
      lies at      twenty-sync.lead-form.received/0/12
      config       abc123

      What the other side said
        {"messages":["Invalid phone number"]}

      The event
        {
          "email": "not an address"
        }

      What earlier steps had added
        {
          "email": "ada@example.com"
        }

      Once the cause is mended:
        twenty-sync dead-letters redrive 9c417b03-0000
      "
    `)
  })

  it('asks for more of an ambiguous id', async () => {
    const { code, stderr } = await cli(['dead-letters', 'show', '9c41'], recording(0))
    expect(code).toBe(1)
    expect(stderr.text).toContain('error: "9c41" begins 2 dead letters: ')
    expect(stderr.text).toContain('give more of it (AMBIGUOUS_DEAD_LETTER)\n')
  })

  it('does not speak of another side where nobody was asked', async () => {
    const letter = { ...LETTER, details: { failures: ['/email must match format "email"'] } }
    const operations = { listDeadLetters: async () => [{ letter, resolution: 'open' as const }] }
    const { stdout } = await cli(['dead-letters', 'show', '9c41'], { operations })
    expect(stdout.text).not.toContain('the other side')
    expect(stdout.text).toContain('In detail\n  {\n    "failures"')
  })

  it('says how a flow is named to whoever gives it in place of an id', async () => {
    const { code, stderr } = await cli(['dead-letters', 'show', 'web-form-leads'], recording(0))
    expect([code, stderr.text]).toEqual([
      1,
      'error: no dead letter has the id "web-form-leads"; "web-form-leads" is a flow; name it with --flow (NO_SUCH_DEAD_LETTER)\n',
    ])
  })

  it.each(['list', 'show 9c417', 'redrive 9c417', 'discard 9c417'])('takes --flow alike: %s', async words => {
    const queries: unknown[] = []
    const note = (answer: unknown) => async (query: unknown) => {
      queries.push(query)
      return answer
    }
    const operations = {
      listDeadLetters: note(listed),
      redriveDeadLetters: note(1),
      discardDeadLetters: note(1),
    } as Partial<Operations>
    const { code } = await cli(['dead-letters', ...words.split(' '), '--flow', 'web-form-leads'], { operations })
    expect([code, queries]).toEqual([0, [expect.objectContaining({ flow: 'web-form-leads' })]])
  })
})

describe('dead-letters redrive and discard', () => {
  it('redrives by id', async () => {
    const { asked, operations } = recording(2)
    const { stdout } = await cli(['dead-letters', 'redrive', 'a', 'b'], { operations })
    expect(asked).toEqual([['redrive', { ids: ['a', 'b'] }]])
    expect(stdout.text).toBe(
      '2 dead letters redriven; no daemon runs: the flow takes up what was sent back when one does\n',
    )
  })

  it('says on a terminal how many it would be, and does nothing without a yes', async () => {
    const { asked, operations } = recording(1)
    const args = ['dead-letters', 'redrive', '--flow', 'web-form-leads', '--all', '--code', 'TWENTY_REFUSED']
    const no = await cli(args, { operations, tty: true, answers: [''] })
    expect(no.questions).toEqual(['1 dead letter of web-form-leads will be redriven. Go on? [y/N] '])
    expect([no.stdout.text, asked]).toEqual(['nothing was changed\n', []])
    await cli(args, { operations, tty: true, answers: ['y'] })
    expect(asked).toEqual([['redrive', { flow: 'web-form-leads', all: true, code: 'TWENTY_REFUSED' }]])
  })

  it('discards all without a question only with --yes', async () => {
    const { asked, operations } = recording(2)
    const refused = await cli(['dead-letters', 'discard', '--flow', 'web-form-leads', '--all'], { operations })
    expect([refused.code, asked]).toEqual([2, []])
    const done = await cli(['dead-letters', 'discard', '--flow', 'web-form-leads', '--all', '--yes', '--json'], {
      operations,
    })
    expect(done.json).toEqual({ discarded: 2 })
    expect(asked).toEqual([['discard', { flow: 'web-form-leads', all: true }]])
  })

  it.each([[['x', '--all']], [[]], [['x', '--code', 'C']]])('refuses %j, which says two things or none', async rest => {
    const { code, stderr } = await cli(['dead-letters', 'redrive', ...rest], recording(0))
    expect(code).toBe(2)
    expect(stderr.text).toContain('--')
  })
})
