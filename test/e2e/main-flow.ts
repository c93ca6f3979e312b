import { appendFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SCENES } from '../../scripts/demo/scenes.ts'
import { killRun } from '../../scripts/faults/kill-run.ts'
import { type EngineName, eventually, type Stack, startStack } from '../../scripts/stack/stack.ts'

const LONG_MS = 180_000

/** The main job through the real daemon, as a process, on one engine. */
export function describeMainFlow(engine: EngineName, kills: number): void {
  describe(`the form flow on the ${engine} engine`, () => {
    let stack: Stack
    beforeAll(async () => {
      stack = await startStack({ engine, configs: ['config/web-form-leads.yaml'], unlimited: true })
    }, LONG_MS)
    afterAll(() => stack?.stop())

    for (const scene of SCENES) {
      it(scene.title, () => scene.play(stack), LONG_MS)
    }

    it(
      'replays what it had: nothing is written twice, and a dry run says what would be',
      async () => {
        const before = everything(stack)
        const dry = await stack.cli('replay', 'web-form-leads', '--from', 'earliest', '--dry-run', '--json')
        expect(dry.code, dry.stderr).toBe(0)
        const real = await stack.cli('replay', 'web-form-leads', '--from', 'earliest', '--json')
        expect(real.code, real.stderr).toBe(0)
        const last = JSON.parse(real.stdout.trim().split('\n').at(-1)!) as {
          finished: boolean
          read: number
          total: number
        }
        expect(last).toMatchObject({ finished: true })
        expect(last.read).toBe(last.total)
        expect(last.total).toBeGreaterThan(10)
        await stack.settled()
        expect(everything(stack)).toEqual(before)
      },
      LONG_MS,
    )

    it(
      'tells the whole way of one event',
      async () => {
        const list = JSON.parse(
          (await stack.cli('events', 'list', '--topic', 'lead-form.received', '--json')).stdout,
        ) as { id: string }[]
        const shown = await stack.cli('events', 'show', list[0]!.id, '--json')
        expect(shown.code, shown.stderr).toBe(0)
        const story = JSON.parse(shown.stdout) as {
          flows: { flow: string; outcome: string; steps: { wrote?: string }[] }[]
        }
        expect(story.flows[0]).toMatchObject({ flow: 'web-form-leads' })
      },
      LONG_MS,
    )

    it(
      'drains on SIGTERM and ends with 0; what was accepted and not done comes after the restart',
      async () => {
        const forms = Array.from({ length: 20 }, (_, n) => ({
          email: `term${n}@term.example`,
          name: `Term ${n}`,
          formId: 'term',
        }))
        const statuses = await Promise.all(forms.map(form => stack.postForm(form)))
        expect(statuses.every(status => status === 202)).toBe(true)
        expect(await stack.daemon.end('SIGTERM')).toBe(0)
        await stack.daemon.start()
        const addresses = () =>
          stack.twenty.rows('people').map(row => (row.emails as { primaryEmail: string }).primaryEmail)
        await eventually('everybody is there', () => forms.every(form => addresses().includes(form.email)), LONG_MS)
        await stack.settled()
        expect(new Set(addresses()).size).toBe(addresses().length)
      },
      LONG_MS,
    )

    it(
      'keeps running on the old config when SIGHUP finds a bad one, and swaps to a good one',
      async () => {
        const own = stack.configFile
        const good = stack.configText
        await appendFile(own, '\nflows: { broken: { from: nowhere, steps: [] } }\n')
        process.kill(stack.daemon.pid!, 'SIGHUP')
        await eventually('the bad config is refused', () => stack.daemon.log.some(line => /nowhere/.test(line)))
        expect(await stack.postForm({ email: 'still@here.example', name: 'Still Here', formId: 'hup' })).toBe(202)
        await writeFile(
          own,
          `${good}\nconnectors: { second-form: { type: webhook, path: /hooks/second, verify: none } }\n`,
        )
        process.kill(stack.daemon.pid!, 'SIGHUP')
        await eventually('the new intake answers', async () => {
          const answer = await fetch(`${stack.url}/hooks/second`, {
            method: 'POST',
            body: '{}',
            headers: { 'content-type': 'application/json' },
          })
          return answer.status === 202
        })
        expect(await stack.postForm({ email: 'after@reload.example', name: 'After Reload', formId: 'hup' })).toBe(202)
        await eventually(
          'flows go on',
          () => JSON.stringify(stack.twenty.rows('people')).includes('after@reload.example'),
          LONG_MS,
        )
      },
      LONG_MS,
    )
  })

  describe(`kill -9 under load on the ${engine} engine`, () => {
    it(`gives every accepted event its effect exactly once, over ${kills} kills (P2, P3)`, async () => {
      const stack = await startStack({ engine, configs: ['scripts/faults/faults.yaml'] })
      stack.twenty.faults.rateLimit.enabled = false
      try {
        const ledger = await killRun(stack, { kills, seed: 20_261_124, perSecond: 30 })
        expect(ledger.accepted).toBeGreaterThan(0)
        expect(ledger.missing).toEqual([])
        expect(ledger.doubled).toEqual([])
      } finally {
        await stack.stop()
      }
    }, 300_000)
  })
}

/** What is in the stand-in, with its times. */
function everything({ twenty }: Stack): unknown {
  return ['people', 'companies', 'tasks', 'taskTargets', 'notes', 'noteTargets'].map(object => twenty.rows(object))
}
