import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONFIGS, USE_CASE_SCENES } from '../../scripts/demo/use-case-scenes.ts'
import { type EngineName, type Stack, startStack } from '../../scripts/stack/stack.ts'

const LONG_MS = 180_000
/** Less than the age at which a signature is refused. */
const SIGNED_MS = 240_000

/** All shipped configs on one daemon, as a process of its own, against every stand-in. */
export function describeUseCases(engine: EngineName): void {
  describe(`the ten use cases on the ${engine} engine`, () => {
    let stack: Stack
    beforeAll(async () => {
      stack = await startStack({ engine, configs: CONFIGS, everything: true, unlimited: true })
    }, LONG_MS)
    afterAll(() => stack?.stop())

    for (const scene of USE_CASE_SCENES) {
      it(
        `${scene.title}; and nothing twice when every webhook comes again (P3)`,
        async () => {
          await scene.play(stack)
          await stack.settled()
          const before = everythingIn(stack)
          await redeliver(stack)
          await stack.settled()
          expect(everythingIn(stack)).toEqual(before)
        },
        LONG_MS,
      )
    }

    it(
      'write nothing twice when webhooks come again after kill -9 (P3)',
      async () => {
        await stack.settled()
        const before = everythingIn(stack)
        await stack.daemon.end('SIGKILL')
        await stack.daemon.start()
        await redeliver(stack)
        await stack.settled()
        expect(everythingIn(stack)).toEqual(before)
      },
      LONG_MS,
    )
  })
}

/** Twenty's webhooks whose signature still counts, and the recorder's. Stripe sends each of its own twice anyway. */
async function redeliver({ twenty, everything }: Stack): Promise<void> {
  const recent = Date.now() - SIGNED_MS
  const ofTwenty = twenty.deliveries.filter(({ headers }) => Number(headers['x-twenty-webhook-timestamp']) > recent)
  for (const { url, body, headers } of [...ofTwenty]) {
    const answer = await fetch(url, { method: 'POST', headers, body })
    await answer.arrayBuffer()
    expect(answer.status).toBeLessThan(300)
  }
  const { recorder } = everything!
  for (const id of recorder.stores.meetings.keys()) await recorder.sendAgain(id)
}

function everythingIn({ twenty, mail, everything }: Stack): object {
  const objects = ['people', 'companies', 'opportunities', 'tasks', 'taskTargets', 'notes', 'noteTargets', 'campaigns']
  const { stripe, sequences, newsletter } = everything!
  const { customers, invoices, items } = stripe.stripe.state()
  return {
    ...Object.fromEntries(objects.map(object => [object, structuredClone(twenty.rows(object))])),
    mails: mail.mails.map(({ to, raw }) => [to, /^Message-ID: .*$/im.exec(raw)?.[0]]),
    stripe: structuredClone({ customers, invoices, items }),
    enrolments: [...sequences.stores.enrolments.values()],
    subscribers: [...newsletter.stores.subscribers.values()],
  }
}
