import { expect } from 'vitest'
import type { Stack } from '../../scripts/stack/stack.ts'

/** Less than the age at which a signature is refused. */
const SIGNED_MS = 240_000

/** P3: every webhook comes once more, and nothing in any system is other than before. */
export async function staysWhenAllComesAgain(stack: Stack, meanwhile = async () => {}): Promise<void> {
  await stack.twenty.waitForDeliveries()
  await stack.settled()
  const before = everythingIn(stack)
  await meanwhile()
  await redeliver(stack)
  await stack.settled()
  expect(everythingIn(stack)).toEqual(before)
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
