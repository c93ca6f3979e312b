import { afterEach, describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { decide } from '../../src/sync/decisions.ts'
import { Life } from '../support/crashable.ts'
import { away, CONFIG, QuestionBench } from '../support/question-bench.ts'
import { settle } from '../support/virtual-clock.ts'

const MINUTE = 60_000
const benches: QuestionBench[] = []

function benchOf(config?: ConstructorParameters<typeof QuestionBench>[0]): QuestionBench {
  const bench = new QuestionBench(config)
  benches.push(bench)
  return bench
}

/** A pair whose title is contested, with its task open. */
async function asked(config?: ConstructorParameters<typeof QuestionBench>[0]) {
  const bench = benchOf(config)
  const runner = await bench.begin('a')
  await bench.contest('a')
  await bench.rest()
  const task = () => bench.tasks.all[0]!
  return { bench, runner, task, id: task().id }
}

afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop()
})

describe('asking', () => {
  it('opens one task with both values, who and when, at the record, for the assignee', async () => {
    const { bench, task } = await asked()
    expect(bench.tasks.all).toHaveLength(1)
    expect(task()).toMatchObject({
      title: 'Which value is right? person Name a: title',
      assignee: 'ops@example.com',
      about: [{ object: 'person', id: 'l-a' }],
      done: false,
    })
    expect(task().body).toContain('- [ ] title: keep twenty: `A`\n- [ ] title: take erp: `B`')
    expect(task().body).toContain(
      '**title** was changed on both sides: `A` in twenty (by Ada, 2026-11-24 10:00:05 UTC), `B` in erp (by ERP user, 2026-11-24 10:00:05 UTC).',
    )
    expect(await bench.conflicts()).toMatchObject([{ kind: 'ask', fields: ['title'], task: task().id }])
  })

  it('holds the contested field alone', async () => {
    const bench = benchOf()
    await bench.begin('a')
    await bench.contest('a', { title: 'A', city: 'Rome' }, { title: 'B' })
    await bench.rest()
    expect(bench.values('a', 'city')).toEqual(['Rome', 'Rome'])
    expect(bench.values('a')).toEqual(['A', 'B'])
  })

  it('adds another contested field to the same task; ticks and what a person wrote stay', async () => {
    const { bench, task, id } = await asked()
    await bench.tasks.tick(id, 'title: keep', 'title: take')
    await bench.tasks.edit(id, { body: `${task().body}\n\nI called her, *no answer*.` })
    await bench.rest()
    await bench.contest('a', { city: 'Rome' }, { city: 'Oslo' })
    await bench.rest()
    expect(bench.tasks.all).toHaveLength(1)
    expect(task().title).toBe('Which value is right? person Name a: title, city')
    expect(task().body).toContain('- [x] title: keep twenty: `A`\n- [x] title: take erp: `B`')
    expect(task().body).toContain('- [ ] city: keep twenty: `Rome`\n- [ ] city: take erp: `Oslo`')
    expect(task().body.match(/I called her, \*no answer\*\./g)).toHaveLength(1)
  })

  it('P6: writing the task triggers nothing: everything comes to rest, and no further call is made', async () => {
    const { bench, runner } = await asked()
    await bench.rest(MINUTE)
    const { calls } = bench.tasks
    const [before, writes] = [calls.length, bench.left.writes.length + bench.right.writes.length]
    expect(runner.isIdle).toBe(true)
    await bench.rest(30 * MINUTE)
    expect(calls).toHaveLength(before)
    expect(calls.filter(call => call === 'update')).toHaveLength(0)
    expect(bench.left.writes.length + bench.right.writes.length).toBe(writes)
  })

  it('asks in conflicts alone where there are no tasks', async () => {
    const { tasks: _, ...config } = CONFIG
    const bench = benchOf()
    Object.assign(bench.config, { ...config, tasks: undefined })
    await bench.begin('a')
    await bench.contest('a')
    await bench.rest()
    expect(bench.tasks.calls).toEqual([])
    expect(await bench.conflicts()).toHaveLength(1)
  })
})

describe('answers', () => {
  it.each([
    ['keep', 'A'],
    ['take', 'B'],
  ])('one tick (%s): the value lands on both sides, once, and the task says who decided', async (verb, value) => {
    const { bench, task, id } = await asked()
    const writes = () => bench.left.writes.length + bench.right.writes.length
    const before = writes()
    await bench.tasks.tick(id, `title: ${verb}`)
    await bench.rest(MINUTE)
    expect(bench.values('a')).toEqual([value, value])
    expect(writes()).toBe(before + 1)
    expect(task().done).toBe(true)
    const side = verb === 'keep' ? 'twenty' : 'erp'
    expect(task().body).toContain(
      `- title: \`${value}\`, as in ${side} (ticked in the task by Olga, 2026-11-24 10:00:10 UTC)`,
    )
    expect(await bench.conflicts()).toEqual([])
    const [link] = await bench.links()
    expect(link?.task).toBeUndefined()
    expect(link?.fields.title?.why).toMatchObject({ rule: 'ticked in the task', by: 'Olga', lost: {} })
  })

  it('both ticked is no answer, and neither is none', async () => {
    const { bench, task, id } = await asked()
    await bench.tasks.tick(id, 'title: keep', 'title: take')
    await bench.rest()
    await bench.tasks.edit(id, { body: task().body.replaceAll('[x]', '[ ]') })
    await bench.rest(MINUTE)
    expect(bench.values('a')).toEqual(['A', 'B'])
    expect(task().done).toBe(false)
  })

  it('set to done: what is ticked is taken, the rest stays as the workspace of the task shows it', async () => {
    const bench = benchOf()
    await bench.begin('a')
    await bench.contest('a', { title: 'A', city: 'Rome', phone: '1' }, { title: 'B', city: 'Oslo', phone: '2' })
    await bench.rest()
    const { id } = bench.tasks.all[0]!
    const ticked = bench.tasks.rows.get(id)!.body.replace('- [ ] city: take', '- [x] city: take')
    await bench.tasks.edit(id, { body: ticked, done: true })
    await bench.rest(MINUTE)
    expect(bench.values('a', 'city')).toEqual(['Oslo', 'Oslo'])
    expect(bench.values('a', 'title')).toEqual(['A', 'A'])
    expect(bench.values('a', 'phone')).toEqual(['1', '1'])
    expect(bench.tasks.rows.get(id)).toMatchObject({ done: true })
    expect(bench.tasks.rows.get(id)!.body).toContain('task set to done by Olga')
  })

  it('set to done keeps the right side where that is the workspace of the task', async () => {
    const { bench, task, id } = await asked({ tasks: { system: 'erp', most: 50 } })
    expect(task().body).toContain('- [ ] title: keep erp: `B`\n- [ ] title: take twenty: `A`')
    await bench.tasks.edit(id, { done: true })
    await bench.rest(MINUTE)
    expect(bench.values('a')).toEqual(['B', 'B'])
  })

  it('an edit on either side after the task opened is the answer; the task closes', async () => {
    const { bench, task } = await asked()
    await bench.right.set('r-a', { title: 'C' }, 'ERP user')
    await bench.rest(MINUTE)
    expect(bench.values('a')).toEqual(['C', 'C'])
    expect(task().done).toBe(true)
    expect(task().body).toContain('title: `C`, as in erp (answered by an edit by ERP user')
  })

  it('a decision from elsewhere closes the task', async () => {
    const { bench, runner, task } = await asked()
    const [link] = await bench.links()
    const signal = new AbortController().signal
    await decide(runner.context, link!.id, { kind: 'take', side: 'right' }, { by: 'the command line', signal })
    runner.poke([link!.id])
    await bench.rest(MINUTE)
    expect(bench.values('a')).toEqual(['B', 'B'])
    expect(task()).toMatchObject({ done: true })
  })

  it('a decided field leaves the task, the others stay in it', async () => {
    const bench = benchOf()
    await bench.begin('a')
    await bench.contest('a', { title: 'A', city: 'Rome' }, { title: 'B', city: 'Oslo' })
    await bench.rest()
    const { id } = bench.tasks.all[0]!
    await bench.tasks.tick(id, 'city: take')
    await bench.rest()
    const { body, done } = bench.tasks.rows.get(id)!
    expect(done).toBe(false)
    expect(body).not.toContain('- [ ] city')
    expect(body).not.toContain('- [x] city')
    expect(body).toContain('Decided: city: `Oslo`')
    expect(bench.values('a', 'city')).toEqual(['Oslo', 'Oslo'])
    await bench.tasks.tick(id, 'title: keep')
    await bench.rest(MINUTE)
    expect(bench.tasks.rows.get(id)).toMatchObject({ done: true })
    expect(bench.values('a')).toEqual(['A', 'A'])
    expect(bench.tasks.all).toHaveLength(1)
  })

  it('a tick on a value that somebody has changed since is no answer: the task says so anew', async () => {
    const { bench, task, id } = await asked()
    const stale = task().body
    // Both edit again, unaware of each other: contested still, with other values, and the task cannot be reached.
    bench.tasks.fault = away
    await bench.contest('a', { title: 'A2' }, { title: 'B2' })
    await bench.rest()
    bench.tasks.fault = () => undefined
    await bench.tasks.edit(id, { body: stale.replace('- [ ] title: take', '- [x] title: take'), done: true })
    await bench.rest(MINUTE)
    expect(bench.values('a')).toEqual(['A2', 'B2'])
    expect(task().done).toBe(false)
    expect(task().body).toContain('- [ ] title: keep twenty: `A2`\n- [ ] title: take erp: `B2`')
    await bench.tasks.tick(id, 'title: take')
    await bench.rest(MINUTE)
    expect(bench.values('a')).toEqual(['B2', 'B2'])
    expect(bench.tasks.all).toHaveLength(1)
  })

  it('is heard although an event before it cannot be read', async () => {
    const { bench, runner, id } = await asked()
    bench.tasks.unreadable = 'odd'
    await bench.tasks.edit('odd', {})
    await bench.tasks.tick(id, 'title: take erp')
    await bench.rest()
    expect(bench.values('a')).toEqual(['B', 'B'])
    expect(runner.status.leftOut).toBe(1)
  })

  it('P2: an answer that comes while the task is being looked at is not overlooked', async () => {
    const { bench, task, id } = await asked()
    bench.tasks.afterRead = async () => {
      bench.tasks.afterRead = async () => {}
      await bench.tasks.tick(id, 'title: take')
      await settle(20)
    }
    await bench.tasks.edit(id, { body: `${task().body}\n\nHm.` })
    await settle(50)
    await bench.rest(MINUTE)
    expect(bench.values('a')).toEqual(['B', 'B'])
    expect(task().done).toBe(true)
  })

  it('asks anew, in a new task, when the field is contested again later', async () => {
    const { bench, id } = await asked()
    await bench.tasks.edit(id, { done: true })
    await bench.rest(MINUTE)
    await bench.contest('a', { title: 'X' }, { title: 'Y' })
    await bench.rest(MINUTE)
    expect(bench.tasks.all).toHaveLength(2)
    expect(bench.tasks.open).toHaveLength(1)
    expect(bench.tasks.open[0]!.id).not.toBe(id)
  })
})

describe('a task that a person deletes', () => {
  it('leaves the conflict; the same is not asked again, a new contested field is', async () => {
    const { bench, id } = await asked()
    await bench.tasks.edit(id, { deleted: true })
    await bench.rest(30 * MINUTE)
    expect(bench.tasks.all).toHaveLength(1)
    const [conflict] = await bench.conflicts()
    expect(conflict).toMatchObject({ kind: 'ask', fields: ['title'] })
    expect(conflict!.task).toBeUndefined()
    await bench.contest('a', { city: 'Rome' }, { city: 'Oslo' })
    await bench.rest(MINUTE)
    expect(bench.tasks.open).toHaveLength(1)
    expect(bench.tasks.open[0]!.body).toContain('- [ ] city: keep twenty: `Rome`')
  })

  it('is not made again by a restart', async () => {
    const { bench, id } = await asked()
    await bench.tasks.edit(id, { deleted: true })
    await bench.rest(MINUTE)
    bench.run()
    await bench.rest(30 * MINUTE)
    expect(bench.tasks.opened).toBe(1)
  })
})

describe('more questions than places', () => {
  it('wait in conflicts, with one summary task; get their place when one is free; the summary closes', async () => {
    const bench = benchOf({ tasks: { system: 'twenty', most: 2 } })
    const ids = ['a', 'b', 'c', 'd', 'e']
    await bench.begin(...ids)
    for (const id of ids) await bench.contest(id)
    await bench.rest(3 * MINUTE)
    const summaries = () => bench.tasks.all.filter(({ title }) => title.startsWith('people: '))
    const questions = () => bench.tasks.open.filter(({ title }) => !title.startsWith('people: '))
    expect(questions()).toHaveLength(2)
    expect(summaries()).toHaveLength(1)
    expect(summaries()[0]).toMatchObject({ title: 'people: 3 more questions wait', done: false })
    expect(summaries()[0]!.body).toContain('`twenty-sync conflicts list`')
    expect(await bench.conflicts()).toHaveLength(5)

    await bench.tasks.edit(questions()[0]!.id, { done: true })
    await bench.rest(3 * MINUTE)
    expect(questions()).toHaveLength(2)
    expect(summaries()[0]!.title).toBe('people: 2 more questions wait')

    for (let round = 0; round < 4; round++) {
      const [next] = questions()
      await bench.tasks.edit(next!.id, { done: true })
      await bench.rest(3 * MINUTE)
      expect(questions().length).toBeLessThanOrEqual(2)
    }
    expect(await bench.conflicts()).toEqual([])
    expect(summaries()).toHaveLength(1)
    expect(summaries()[0]!.done).toBe(true)
    expect(bench.tasks.opened).toBe(6)
  })

  it('a summary that a person deleted stays away as long as something waits', async () => {
    const bench = benchOf({ tasks: { system: 'twenty', most: 1 } })
    await bench.begin('a', 'b', 'c')
    for (const id of ['a', 'b', 'c']) await bench.contest(id)
    await bench.rest(3 * MINUTE)
    const summary = bench.tasks.all.find(({ title }) => title.startsWith('people: '))!
    await bench.tasks.edit(summary.id, { deleted: true })
    const [question] = bench.tasks.open
    await bench.tasks.edit(question!.id, { done: true })
    await bench.rest(10 * MINUTE)
    expect(bench.tasks.all.filter(({ title }) => title.startsWith('people: '))).toHaveLength(1)
  })
})

describe('a value that oscillates', () => {
  async function oscillating(): Promise<QuestionBench> {
    const bench = benchOf({
      fields: CONFIG.fields.map(field => ({ ...field, policy: { kind: 'latest' } as const })),
    })
    await bench.begin('a')
    for (let round = 0; round < 4; round++) {
      await bench.left.set('l-a', { title: 'one' }, 'program L')
      await bench.rest(3000)
      await bench.right.set('r-a', { title: 'two' }, 'program R')
      await bench.rest(3000)
    }
    await bench.rest(2 * MINUTE)
    return bench
  }

  it('freezes and asks, naming both writers; a tick decides', async () => {
    const bench = await oscillating()
    const [task] = bench.tasks.all
    expect(task).toMatchObject({ title: 'Two programs overwrite each other? person Name a: title' })
    expect(task!.body).toContain('by program L')
    expect(task!.body).toContain('by program R')
    expect(await bench.conflicts()).toMatchObject([{ kind: 'loop' }])
    await bench.tasks.tick(task!.id, 'title: keep')
    await bench.rest(MINUTE)
    expect(bench.values('a')).toEqual(['one', 'one'])
    expect(bench.tasks.all).toMatchObject([{ done: true }])
  })

  it('a tick is taken as the person saw it, although a program wrote on meanwhile', async () => {
    const bench = await oscillating()
    const [task] = bench.tasks.all
    bench.tasks.fault = away
    await bench.right.set('r-a', { title: 'three' }, 'program R')
    await bench.rest()
    bench.tasks.fault = () => undefined
    await bench.tasks.tick(task!.id, 'title: take erp: `two`')
    await bench.rest(10 * MINUTE)
    expect(bench.values('a')).toEqual(['two', 'two'])
    expect(bench.tasks.all).toMatchObject([{ done: true }])
  })
})

describe('when calls fail', () => {
  it('tries again later, and the sync goes on meanwhile', async () => {
    const bench = benchOf()
    const runner = await bench.begin('a', 'b')
    bench.tasks.fault = away
    await bench.contest('a')
    await bench.rest(MINUTE)
    expect(bench.tasks.all).toEqual([])
    expect(runner.status.questions).toMatchObject({ failing: 1, lastError: { code: 'HTTP_503' } })
    expect(runner.status.lastError).toMatchObject({ code: 'HTTP_503' })
    await bench.left.set('l-b', { city: 'Rome' })
    await bench.rest()
    expect(bench.values('b', 'city')).toEqual(['Rome', 'Rome'])
    bench.tasks.fault = () => undefined
    await bench.rest(10 * MINUTE)
    expect(bench.tasks.all).toHaveLength(1)
    expect(runner.status.questions).toMatchObject({ failing: 0 })
  })

  it('P8: an outage of an hour costs few calls', async () => {
    const ids = Array.from({ length: 20 }, (_, at) => `p${at}`)
    const bench = benchOf()
    await bench.begin(...ids)
    bench.tasks.fault = away
    for (const id of ids) await bench.contest(id)
    await bench.rest(60 * MINUTE)
    expect(bench.tasks.calls.length).toBeLessThan(150)
    bench.tasks.fault = () => undefined
    await bench.rest(15 * MINUTE)
    expect(bench.tasks.open).toHaveLength(20)
  })

  it('the summary is tried again, too', async () => {
    const bench = benchOf({ tasks: { system: 'twenty', most: 1 } })
    await bench.begin('a', 'b')
    await bench.contest('a')
    await bench.rest()
    let failed = 0
    bench.tasks.fault = call => (call === 'open' && failed++ < 1 ? away() : undefined)
    await bench.contest('b')
    await bench.rest(2 * MINUTE)
    expect(failed).toBeGreaterThan(0)
    expect(bench.tasks.open).toHaveLength(2)
  })

  it('a refused task is shown in the status, and tried again', async () => {
    const bench = benchOf()
    const runner = await bench.begin('a')
    bench.tasks.fault = call =>
      call === 'open' ? new SyncError('rejected', 'TWENTY_REFUSED', 'no such status') : undefined
    await bench.contest('a')
    await bench.rest(MINUTE)
    expect(runner.status.questions?.refused).toMatchObject([{ code: 'TWENTY_REFUSED', message: 'no such status' }])
    bench.tasks.fault = () => undefined
    await bench.rest(40 * MINUTE)
    expect(bench.tasks.open).toHaveLength(1)
    expect(runner.status.questions?.refused).toEqual([])
  })

  it('P3: a lost answer makes no second task, and a tick in between counts', async () => {
    const bench = benchOf()
    await bench.begin('a')
    let lost = 0
    bench.tasks.fault = call => (call === 'update' && lost++ < 1 ? away() : undefined)
    await bench.contest('a')
    await bench.rest()
    const [task] = bench.tasks.all
    await bench.tasks.tick(task!.id, 'title: take')
    await bench.rest(10 * MINUTE)
    expect(bench.values('a')).toEqual(['B', 'B'])
    expect(bench.tasks.all).toMatchObject([{ done: true }])
    expect(lost).toBeGreaterThan(0)
  })
})

describe('crashes and instances', () => {
  /** Contest, answer and close, by a process that dies at its n-th step and one that comes after it. */
  async function story(dieAt: number, afterEffect: boolean): Promise<{ bench: QuestionBench; died: boolean }> {
    const bench = benchOf()
    await bench.log.createTopics([{ name: 'left' }, { name: 'right' }, { name: 'tasks' }])
    for (const side of ['left', 'right'] as const) {
      await bench[side].set(`${side[0]}-a`, { key: 'a', name: 'Name a', title: 'old' })
    }
    const life = new Life(bench, dieAt, afterEffect)
    bench.run(life)
    await bench.rest(3000)
    await bench.contest('a')
    await bench.rest(3000)
    const [early] = bench.tasks.open
    if (early) await bench.tasks.tick(early.id, 'title: take')
    await bench.rest(3000)
    const died = life.dead
    life.die()
    bench.run()
    await bench.rest(10 * MINUTE)
    const [late] = bench.tasks.open
    if (!early && late) {
      await bench.tasks.tick(late.id, 'title: take')
      await bench.rest(10 * MINUTE)
    }
    return { bench, died }
  }

  it.each([false, true])(
    'P2, P3: killed at any step (after its effect: %s), one task, answered and closed',
    async after => {
      let died = true
      for (let dieAt = 1; died; dieAt++) {
        const { bench, ...rest } = await story(dieAt, after)
        died = rest.died
        const shown = `step ${dieAt}`
        expect([shown, bench.values('a')]).toEqual([shown, ['B', 'B']])
        expect([shown, bench.tasks.all.map(({ done }) => done)]).toEqual([shown, [true]])
        expect([shown, await bench.conflicts()]).toEqual([shown, []])
        const [board] = await bench.state.get(['{sync/people}:board'])
        expect([shown, board?.value]).toEqual([shown, { open: 0 }])
        await benches.pop()!.stop()
      }
    },
    120_000,
  )

  it('P3: two daemons make one task per pair, and no more than there are places', async () => {
    const bench = benchOf({ tasks: { system: 'twenty', most: 3 } })
    const ids = ['a', 'b', 'c', 'd', 'e']
    await bench.begin(...ids)
    bench.run()
    await bench.rest()
    for (const id of ids) await bench.contest(id)
    await bench.rest(20 * MINUTE)
    const questions = bench.tasks.open.filter(({ title }) => !title.startsWith('people: '))
    expect(questions).toHaveLength(3)
    for (const { id } of questions) await bench.tasks.edit(id, { done: true })
    await bench.rest(20 * MINUTE)
    for (const { id } of bench.tasks.open) await bench.tasks.edit(id, { done: true })
    await bench.rest(20 * MINUTE)
    expect(await bench.conflicts()).toEqual([])
    expect(bench.tasks.all.filter(({ title }) => !title.startsWith('people: '))).toHaveLength(5)
  })
})
