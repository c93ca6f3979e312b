import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChangeEvent, Fields } from '../../src/event.ts'
import { derivedId } from '../../src/identity.ts'
import { blocknoteLines } from '../../src/sinks/twenty/task-body.ts'
import twentySink from '../../src/sinks/twenty.ts'
import type { PeerOptions } from '../../src/sync/peer.ts'
import type { TaskDraft, Tasks } from '../../src/sync/tasks.ts'
import { type TwentyBench, twentyBench } from '../support/twenty-bench.ts'

let bench: TwentyBench
let tasks: Tasks
let person: string
const options: PeerOptions = { signal: new AbortController().signal, priority: 'live' }
const ID = derivedId('test', 'task')

beforeEach(async () => {
  bench = await twentyBench()
  tasks = twentySink.tasks!(bench.config, { ...bench.context, client: bench.client })
  person = String(bench.twenty.seed('people', [{ jobTitle: 'x' }])[0]!.id)
  await bench.client.schemas.refresh()
})
afterEach(() => bench.stop())

const draft = (more: Partial<TaskDraft> = {}): TaskDraft => ({
  id: ID,
  title: 'Which?',
  body: '- [ ] one\n- [ ] two',
  about: [{ object: 'person', id: person }],
  ...more,
})
const rows = (object = 'tasks') => bench.twenty.rows(object) as Fields[]
const me = () => bench.twenty.asUser(String(bench.twenty.members[0]!.id))

describe('opening', () => {
  it('makes the task, shows it at the record and gives it to the member', async () => {
    const opened = await tasks.open(draft({ assignee: 'Rep@example.com' }), options)
    const rep = bench.twenty.members.find(row => row.userEmail === 'rep@example.com')!
    expect(rows()).toMatchObject([{ id: ID, title: 'Which?', status: 'TODO', assigneeId: rep.id }])
    expect(rows()[0]!.bodyV2).toMatchObject({ markdown: '- [ ] one\n- [ ] two' })
    expect(rows('taskTargets')).toMatchObject([{ taskId: ID, targetPersonId: person }])
    expect(opened).toEqual({ version: rows()[0]!.updatedAt })
  })

  it('P3: twice makes one, and changes nothing of it', async () => {
    await tasks.open(draft(), options)
    me().update('tasks', ID, { title: 'by a person' })
    expect(await tasks.open(draft(), options)).toEqual({})
    expect(rows()).toMatchObject([{ title: 'by a person' }])
    expect(rows('taskTargets')).toHaveLength(1)
  })

  it('P3: after a crash between task and its place at the record, makes the rest', async () => {
    await tasks.open(draft({ about: [] }), options)
    expect(await tasks.open(draft(), options)).toEqual({})
    expect(rows('taskTargets')).toHaveLength(1)
  })

  it('leaves one in the trash where it is', async () => {
    await tasks.open(draft(), options)
    me().softDelete('tasks', ID)
    expect(await tasks.open(draft(), options)).toEqual({})
    expect(await tasks.read(ID, options)).toMatchObject({ deleted: true })
  })

  it('P3: a lost answer makes no second one', async () => {
    bench.twenty.faults.http.loseAnswerNext = 1
    await expect(tasks.open(draft(), options)).rejects.toMatchObject({ kind: 'retryable' })
    await tasks.open(draft(), options)
    expect(rows()).toHaveLength(1)
  })

  it('is nobody’s where no member has the e-mail, and says so', async () => {
    const { problem } = await tasks.open(draft({ assignee: 'nobody@example.com' }), options)
    expect(problem).toBe("no workspace member of twenty has the e-mail nobody@example.com: the task is nobody's")
    expect(rows()).toHaveLength(1)
  })

  it('asks also where a record cannot show tasks', async () => {
    await tasks.open(draft({ about: [{ object: 'workspaceMember', id: person }] }), options)
    expect(rows()).toHaveLength(1)
    expect(rows('taskTargets')).toEqual([])
  })
})

describe('reading and changing', () => {
  it('reads what a person did', async () => {
    await tasks.open(draft(), options)
    me().update('tasks', ID, { status: 'DONE', bodyV2: { markdown: '- [x] one' } })
    expect(await tasks.read(ID, options)).toEqual({
      id: ID,
      version: rows()[0]!.updatedAt,
      title: 'Which?',
      body: '- [x] one',
      done: true,
      deleted: false,
      by: 'Tim Apple',
    })
    expect(await tasks.read(derivedId('none'), options)).toBeUndefined()
  })

  it('P5: changes only what it has read: an edit of a moment ago is not written over', async () => {
    await tasks.open(draft(), options)
    const { version } = (await tasks.read(ID, options))!
    const next = await tasks.update(ID, { body: 'new' }, version, options)
    expect(next).toBe(rows()[0]!.updatedAt)
    await new Promise(resolve => setTimeout(resolve, 2))
    me().update('tasks', ID, { bodyV2: { markdown: 'ticked' } })
    expect(await tasks.update(ID, { body: 'newer', done: true }, next!, options)).toBeUndefined()
    expect(rows()[0]).toMatchObject({ status: 'TODO', bodyV2: { markdown: 'ticked' } })
  })

  it('knows the task and version of an event', () => {
    const event: ChangeEvent = {
      id: 'e',
      type: 'task.updated',
      source: '/twenty',
      subject: `task/${ID}`,
      time: '2026-11-24T10:00:00.000Z',
      key: ID,
      data: { title: 'x', updatedAt: '2026-11-24T10:00:00.000Z' },
    }
    expect(tasks.eventOf(event)).toEqual({ id: ID, version: '2026-11-24T10:00:00.000Z' })
  })
})

describe('a block editor’s document', () => {
  it('is read line by line, boxes with their ticks', () => {
    const text = (text: string) => [{ type: 'text', text, styles: {} }]
    const blocks = [
      { type: 'paragraph', content: text('Hello'), children: [] },
      {
        type: 'checkListItem',
        props: { checked: true },
        content: [...text('city: '), { type: 'link', href: 'x', content: text('Rome') }],
        children: [{ type: 'checkListItem', props: { checked: false }, content: text('b'), children: [] }],
      },
    ]
    expect(blocknoteLines(JSON.stringify(blocks))).toBe('Hello\n- [x] city: Rome\n- [ ] b')
    expect(blocknoteLines('{')).toBe('')
  })
})
