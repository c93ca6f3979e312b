import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { EventSummary, Operations } from '../../src/runtime/operations.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cli } from './fake-shell.ts'

describe('pause and resume', () => {
  it('pauses a flow', async () => {
    const asked: unknown[] = []
    const pauseFlow = async (query: unknown) => void asked.push(query)
    const { stdout, code } = await cli(['pause', 'scoring'], { operations: { pauseFlow } })
    expect([code, asked]).toEqual([0, [{ flow: 'scoring' }]])
    expect(stdout.text).toBe(
      'scoring is paused and will take no events when the daemon starts; go on with `twenty-sync resume scoring`\n',
    )
  })

  it('resumes a flow', async () => {
    const operations = { resumeFlow: async () => {} }
    expect((await cli(['resume', 'scoring'], { operations })).stdout.text).toBe('scoring goes on\n')
    expect((await cli(['resume', 'scoring', '--json'], { operations })).json).toEqual({
      flow: 'scoring',
      paused: false,
    })
  })

  it('ends with 1 for a flow that is none', async () => {
    const pauseFlow = () => Promise.reject(new SyncError('rejected', 'NO_SUCH_FLOW', 'no flow "x"; there is scoring'))
    const { code, stderr } = await cli(['pause', 'x'], { operations: { pauseFlow } })
    expect([code, stderr.text]).toEqual([1, 'error: no flow "x"; there is scoring (NO_SUCH_FLOW)\n'])
  })
})

describe('trigger', () => {
  const appended: EventSummary = {
    topic: 'twenty-sync.twenty.person',
    partition: -1,
    offset: -1,
    appendedAt: '2026-11-24T10:00:00.000Z',
    id: 'e1',
    type: 'person.created',
    subject: 'person/4444',
    time: '2026-11-24T10:00:00.000Z',
  }

  function recording() {
    const asked: unknown[] = []
    const trigger: Operations['trigger'] = async query => {
      asked.push(query)
      return appended
    }
    return { asked, operations: { trigger } }
  }

  it('appends an event for the source that a flow would name', async () => {
    const { asked, operations } = recording()
    const args = ['trigger', 'twenty.person.created', '--id', '4444', '--data', '{"city":"Paris"}']
    const { stdout } = await cli(args, { operations })
    expect(asked).toEqual([
      { connector: 'twenty', object: 'person', action: 'created', id: '4444', data: { city: 'Paris' } },
    ])
    expect(stdout.text).toBe(
      'person.created person/4444 is in twenty-sync.twenty.person; no daemon runs: flows that ran before take it when one does\n',
    )
    expect((await cli([...args, '--json'], { operations })).json).toEqual(appended)
  })

  it('takes the data from a file or from stdin', async () => {
    const { asked, operations } = recording()
    const folder = tempFolder()
    writeFileSync(join(folder, 'lead.json'), '{"email":"ada@example.com"}')
    await cli(['trigger', 'lead-form', '--data', '@lead.json'], { operations, folder })
    await cli(['trigger', 'lead-form', '--data', '-'], { operations, stdin: '{"n":1}' })
    expect(asked).toEqual([
      { connector: 'lead-form', data: { email: 'ada@example.com' } },
      { connector: 'lead-form', data: { n: 1 } },
    ])
  })

  it.each(['[1]', 'nonsense', '@missing.json', '{"__proto__":{"x":1}}'])('refuses --data %s with 2', async data => {
    const { code, stderr } = await cli(['trigger', 'lead-form', '--data', data], recording())
    expect(code).toBe(2)
    expect(stderr.text).toContain('--data')
  })
})
