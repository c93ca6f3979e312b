import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type Meeting,
  type SandboxRecorder,
  startSandboxRecorder,
  transcriptOf,
} from '../../sandbox/recorder/server.ts'
import type { SandboxTwenty } from '../../sandbox/twenty/server.ts'
import { type UseCaseBench, type UseCaseOptions, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Ada and her company, with a deal of hers, one of the company's, and a closed one. */
function seed(twenty: SandboxTwenty): void {
  const [acme] = twenty.seed('companies', [{ name: 'Acme' }])
  const companyId = acme!.id
  const [ada] = twenty.seed('people', [
    { name: { firstName: 'Ada', lastName: 'Lovelace' }, emails: { primaryEmail: 'ada@acme.example' }, companyId },
    { name: { firstName: 'Grace', lastName: 'Hopper' }, emails: { primaryEmail: 'grace@acme.example' }, companyId },
  ])
  twenty.seed('opportunities', [
    { name: 'Engines', stage: 'PROPOSAL', pointOfContactId: ada!.id },
    { name: 'Spare parts', stage: 'NEW', companyId },
    { name: 'Long won', stage: 'CUSTOMER', companyId },
    { name: 'Of others', stage: 'NEW' },
  ])
}

const meeting: Partial<Meeting> = {
  id: 'meeting-1',
  title: 'Engines for Acme',
  url: 'https://recorder.example/meetings/1',
  summary: 'They want **twelve** engines.',
  participants: [
    { name: 'Ada', email: 'Ada@Acme.example' },
    { name: 'Rita Rep', email: 'rep@example.com', host: true },
    { name: 'Somebody by phone', email: null },
  ],
  actionItems: [
    { text: 'Send the offer', owner: 'tim@apple.dev', due: '2026-12-01T09:00:00.000Z' },
    { text: 'Check the boilers', owner: 'ada@acme.example' },
    { text: 'Check the boilers', owner: null },
  ],
}

async function start(
  engine: UseCaseEngine,
  options: Partial<UseCaseOptions> = {},
): Promise<[UseCaseBench, SandboxRecorder]> {
  const clock = new VirtualClock()
  const recorder = await startSandboxRecorder({ now: () => clock.now() })
  onTestFinished(() => recorder.stop())
  const env = { RECORDER_SECRET: recorder.secret }
  const bench = await useCaseBench({ engine, config: 'config/meeting-notes.yaml', env, clock, seed, ...options })
  recorder.target = `${bench.url}/hooks/recorder`
  return [bench, recorder]
}

/** Titles of what a note or task is shown at. */
function linksOf({ twenty }: UseCaseBench, object: 'note' | 'task', id: unknown): string[] {
  const names = new Map<unknown, string>([
    ...twenty.rows('people').map(row => [row.id, (row.name as { firstName: string }).firstName] as const),
    ...twenty.rows('opportunities').map(row => [row.id, String(row.name)] as const),
  ])
  const links = twenty.rows(`${object}Targets`).filter(row => row[`${object}Id`] === id)
  return links.map(row => names.get(row.targetPersonId ?? row.targetOpportunityId) ?? 'unknown').sort()
}

export function describeMeetingNotes(engine: UseCaseEngine): void {
  describe(`meeting notes on ${engine.name}`, () => {
    it('makes a note, a task per action item and a mail of a meeting, once however often it is told (P3)', async () => {
      const [bench, recorder] = await start(engine)
      expect(await bench.during(recorder.finish(meeting))).toEqual([202])
      await bench.settled()

      const { twenty } = bench
      const [note, ...more] = twenty.rows('notes')
      expect(more).toEqual([])
      expect(note).toMatchObject({ title: 'Engines for Acme' })
      expect((note!.bodyV2 as { markdown: string }).markdown.split('\n').filter(Boolean)).toEqual([
        'They want **twelve** engines.',
        '- Send the offer',
        '- Check the boilers',
        '- Check the boilers',
        'https://recorder.example/meetings/1',
      ])
      expect(linksOf(bench, 'note', note!.id)).toEqual(['Ada', 'Engines', 'Spare parts'])

      const emails = new Map(twenty.members.map(member => [member.id, member.userEmail]))
      const tasks = twenty.rows('tasks')
      expect(tasks.map(task => [task.title, emails.get(task.assigneeId), task.dueAt]).sort()).toEqual([
        ['Check the boilers', 'rep@example.com', null],
        ['Check the boilers', 'rep@example.com', null],
        ['Send the offer', 'tim@apple.dev', '2026-12-01T09:00:00.000Z'],
      ])
      for (const task of tasks) expect(linksOf(bench, 'task', task.id)).toEqual(['Ada', 'Engines', 'Spare parts'])

      expect(bench.mail.mails.map(({ to, parsed }) => [to, parsed.subject])).toEqual([
        [['ada@acme.example', 'rep@example.com'], 'Notes: Engines for Acme'],
      ])
      expect(bench.mail.mails[0]!.parsed.text).toMatch(/Send the offer \(until 1 December 2026\)/)

      const before = bench.snapshot()
      expect(await bench.during(recorder.sendAgain('meeting-1'))).toEqual([202])
      // Another notice of the same meeting.
      expect(await bench.during(recorder.finish(meeting))).toEqual([202])
      await bench.settled()
      expect(bench.snapshot()).toEqual(before)
      expect(await bench.deadLetters()).toEqual([])
    })

    it('takes a transcript of 5 MB in, and keeps it out of Twenty', async () => {
      const [bench, recorder] = await start(engine)
      const transcript = transcriptOf(5 * 1024 * 1024)
      expect(JSON.stringify(transcript).length).toBeGreaterThan(5_000_000)
      expect(await bench.during(recorder.finish({ ...meeting, transcript }))).toEqual([202])
      await bench.settled()
      expect(bench.twenty.rows('notes')).toHaveLength(1)
      expect(JSON.stringify(bench.twenty.rows('notes')).length).toBeLessThan(5000)
      expect(await bench.deadLetters()).toEqual([])
    })

    it('refuses more than its limit with 413, before it reads all of it', async () => {
      const [bench, recorder] = await start(engine)
      const statuses = await bench.during(recorder.finish({ ...meeting, transcript: transcriptOf(13 * 1024 * 1024) }))
      expect(new Set(statuses)).toEqual(new Set([413]))
      expect(bench.writes()).toEqual([])
    })

    it('asks a colleague about a meeting of which nobody is known, and mails nobody', async () => {
      const [bench, recorder] = await start(engine)
      const participants = [
        { name: 'Stranger', email: 'stranger@elsewhere.example' },
        { name: 'Caller', email: null },
      ]
      await bench.during(recorder.finish({ ...meeting, participants }))
      await bench.settled()
      const [task, ...more] = bench.twenty.rows('tasks')
      expect(more).toEqual([])
      expect(task).toMatchObject({ title: 'Who took part in "Engines for Acme"?' })
      const { markdown } = task!.bodyV2 as { markdown: string }
      expect(markdown).toContain('stranger@elsewhere.example, Caller')
      expect(markdown).toContain('twelve')
      expect([bench.twenty.rows('notes').length, bench.mail.mails.length]).toEqual([0, 0])

      const before = bench.snapshot()
      await bench.during(recorder.sendAgain('meeting-1'))
      await bench.settled()
      expect(bench.snapshot()).toEqual(before)
    })

    it('does nothing twice when the recorder tries again although it was heard, and all at once (P3)', async () => {
      const [bench, recorder] = await start(engine)
      recorder.faults.duplicates = 3
      const answers = await bench.during(recorder.finish(meeting))
      expect(answers).toEqual([202, 202, 202, 202])
      await bench.settled()
      expect([bench.twenty.rows('notes').length, bench.twenty.rows('tasks').length, bench.mail.mails.length]).toEqual([
        1, 3, 1,
      ])
    })

    it('goes on where it was when the note was written and its answer was lost (P3)', async () => {
      const [bench, recorder] = await start(engine)
      Object.assign(bench.twenty.faults.http, { scope: 'writes', loseAnswerNext: 1 })
      await bench.during(recorder.finish(meeting))
      await bench.settled()
      expect([bench.twenty.rows('notes').length, bench.twenty.rows('tasks').length, bench.mail.mails.length]).toEqual([
        1, 3, 1,
      ])
      expect(await bench.deadLetters()).toEqual([])
    })

    it('lets nobody in without the signature', async () => {
      const [bench, recorder] = await start(engine)
      recorder.faults.wrongSignature = true
      expect(new Set(await bench.during(recorder.finish(meeting)))).toEqual(new Set([401]))
      expect(await bench.post('/hooks/recorder', '{}')).toBe(401)
      await bench.settled()
      expect(bench.writes()).toEqual([])
    })

    it('mails nothing to an address that is none, and keeps what is no meeting with the reason', async () => {
      const [bench, recorder] = await start(engine)
      const participants = [
        ...meeting.participants!,
        { name: 'X', email: 'x@y, all@example.com' },
        { name: 'Y', email: 'y@' },
      ]
      await bench.during(recorder.finish({ ...meeting, participants }))
      await bench.during(recorder.finish({ ...meeting, id: 'meeting-2', title: '' }))
      await bench.settled()
      expect(bench.mail.mails.map(({ to }) => to)).toEqual([['ada@acme.example', 'rep@example.com']])
      const letters = await bench.deadLetters()
      expect(letters).toMatchObject([{ code: 'VALIDATION_FAILED', message: expect.stringContaining('title') }])
    })
  })
}
