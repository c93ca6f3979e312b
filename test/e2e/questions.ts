import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SandboxTwenty, startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { type EngineName, eventually, type Stack, startStack } from '../../scripts/stack/stack.ts'
import { type Contact, twentySide } from './sync-scenario.ts'

interface TaskRow {
  readonly id: string
  readonly title: string
  readonly status: string
  readonly assigneeId?: string
  readonly bodyV2: { readonly markdown: string }
  readonly deletedAt?: string | null
}

/** Contested fields of two workspaces, asked and answered in tasks of one of them. */
export function describeQuestions(engine: EngineName): void {
  describe(`questions in tasks, on ${engine}`, () => {
    const names = ['ada', 'bob', 'cy', 'dan']
    let branch: SandboxTwenty
    let stack: Stack
    beforeAll(async () => {
      branch = await startSandboxTwenty()
      branch.faults.rateLimit.enabled = false
      for (const name of names) {
        const contact = { first: name, last: 'Byron', email: `${name}@example.com`, title: 'Analyst' }
        await twentySide(branch).create(contact)
      }
      stack = await startStack({
        engine,
        configs: ['test/e2e/config/questions.yaml'],
        env: { BRANCH_URL: branch.url, BRANCH_API_KEY: branch.apiKey, BRANCH_WEBHOOK_SECRET: 'branch-secret' },
      })
      stack.twenty.faults.rateLimit.enabled = false
      await eventually('all here', async () => (await twentySide(stack.twenty).contacts()).length === names.length)
    }, 120_000)
    afterAll(async () => {
      await stack?.stop()
      await branch?.stop()
    })

    const user = (twenty: SandboxTwenty) => twenty.asUser(String(twenty.members[0]!.id))
    const find = async (twenty: SandboxTwenty, name: string): Promise<Contact> =>
      (await twentySide(twenty).contacts()).find(({ email }) => email === `${name}@example.com`)!
    const titles = async (name: string) => [(await find(stack.twenty, name)).title, (await find(branch, name)).title]
    const tasks = () => stack.twenty.rows('tasks').filter(row => !row.deletedAt) as unknown as TaskRow[]
    const open = () => tasks().filter(({ status }) => status === 'TODO')
    const taskOf = (name: string) => tasks().find(({ title }) => title.includes(`person ${name} Byron`))
    const summaries = () => tasks().filter(({ title }) => title.startsWith('people: '))
    const contest = async (name: string) => {
      const [left, right] = [await find(stack.twenty, name), await find(branch, name)]
      user(stack.twenty).update('people', left.id, { jobTitle: `${name} here` })
      user(branch).update('people', right.id, { jobTitle: `${name} there` })
    }
    const isDone = (name: string) => taskOf(name)?.status === 'DONE'

    it('opens a task at the record for the assignee, and a summary of those that wait', async () => {
      for (const name of ['ada', 'bob', 'cy']) {
        await contest(name)
        if (name !== 'cy') await eventually(`asked about ${name}`, () => taskOf(name) !== undefined)
      }
      await eventually('a summary', () => summaries().length === 1)
      expect(summaries()[0]!.title).toBe('people: 1 more question waits')
      expect(open()).toHaveLength(3)
      const task = taskOf('ada')!
      expect(task.bodyV2.markdown).toContain(
        '- [ ] jobTitle: keep twenty: `ada here`\n- [ ] jobTitle: take branch: `ada there`',
      )
      expect(task.bodyV2.markdown).toContain('by Tim Apple')
      const rep = stack.twenty.members.find(({ userEmail }) => userEmail === 'rep@example.com')!
      expect(task.assigneeId).toBe(rep.id)
      const { id } = await find(stack.twenty, 'ada')
      expect(stack.twenty.rows('taskTargets')).toContainEqual(
        expect.objectContaining({ taskId: task.id, targetPersonId: id }),
      )
      expect(await titles('ada')).toEqual(['ada here', 'ada there'])
    }, 60_000)

    it('takes a tick, lands it on both sides and closes; the next question gets the place', async () => {
      const task = taskOf('ada')!
      const markdown = task.bodyV2.markdown.replace('- [ ] jobTitle: take', '- [x] jobTitle: take')
      user(stack.twenty).update('tasks', task.id, { bodyV2: { markdown, blocknote: null } })
      await eventually('closed', () => isDone('ada'))
      await eventually('on both sides', async () => String(await titles('ada')) === 'ada there,ada there')
      expect(taskOf('ada')!.bodyV2.markdown).toContain('ticked in the task by Tim Apple')
      await eventually('asked about cy', () => taskOf('cy') !== undefined)
    }, 60_000)

    it('P2: takes a task that was set to done while no daemon ran', async () => {
      await stack.daemon.end('SIGKILL')
      user(stack.twenty).update('tasks', taskOf('bob')!.id, { status: 'DONE' })
      await stack.daemon.start()
      await eventually('on both sides', async () => String(await titles('bob')) === 'bob here,bob here')
      await eventually('says so', () => taskOf('bob')!.bodyV2.markdown.includes('task set to done by Tim Apple'))
    }, 60_000)

    it('takes an edit, and the command line', async () => {
      user(branch).update('people', (await find(branch, 'cy')).id, { jobTitle: 'cy decides' })
      await eventually('closed', () => isDone('cy'))
      await eventually('on both sides', async () => String(await titles('cy')) === 'cy decides,cy decides')
      await contest('dan')
      await eventually('asked about dan', () => taskOf('dan') !== undefined)
      const [conflict] = JSON.parse((await stack.cli('conflicts', 'list', '--json')).stdout) as {
        link: string
        task: string
      }[]
      expect(conflict!.task).toBe(taskOf('dan')!.id)
      const resolved = await stack.cli('conflicts', 'resolve', conflict!.link, '--take', 'right', '--yes')
      expect(resolved).toMatchObject({ code: 0 })
      await eventually('closed', () => isDone('dan'))
      await eventually('on both sides', async () => String(await titles('dan')) === 'dan there,dan there')
    }, 60_000)

    it('P6: closes the summary and comes to rest, with one task per question', async () => {
      await eventually('the summary is closed', () => summaries()[0]!.status === 'DONE', 90_000)
      expect(open()).toEqual([])
      expect(tasks()).toHaveLength(5)
      const polls = () =>
        stack.twenty.calls.filter(({ method, path }) => method === 'GET' && path.startsWith('/rest/tasks')).length
      const writes = () =>
        [stack.twenty, branch].map(
          each => each.calls.filter(({ method, path }) => method !== 'GET' && path.startsWith('/rest/')).length,
        )
      const [before, polled] = [writes(), polls()]
      await eventually('polled thrice', () => polls() >= polled + 3)
      expect(writes()).toEqual(before)
    }, 120_000)
  })
}
