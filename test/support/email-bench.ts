import type { Static } from '@sinclair/typebox'
import pino from 'pino'
import { MailDigests } from '../../src/clients/mail-digest.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import email from '../../src/sinks/email.ts'
import type { Delivery, Item, Plan, Sink } from '../../src/sinks/sink.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'

export const ID = '7a0c4f0e-6f1b-5c6d-8e7f-0123456789ab'

export const never = new AbortController().signal

export function emailSink(config: Partial<Static<(typeof email)['config']>> & { url: string }): Sink {
  const env = createEnvironment({ logger: pino({ level: 'silent' }) })
  return email.create(
    { from: 'CRM <crm@example.com>', ...config },
    {
      name: 'mail',
      env,
      coordinator: localCoordinator({ clock: env.clock }),
      compile: undefined as never,
      state: undefined as never,
      client: new MailDigests('mail', memoryState({ clock: env.clock }), env.clock),
    },
  )
}

export function mailItem(args: Fields, scope: Fields = {}, given: Partial<Item> = {}): Item {
  return {
    action: 'send',
    args: { to: 'sales@example.com', subject: 'Hello', text: 'Hello.', ...args },
    scope,
    key: 'leads/send-mail/event-1',
    id: ID,
    time: '2026-11-24T10:00:00.000Z',
    outcomeUnknown: false,
    priority: 'live',
    ...given,
  }
}

/** @throws SyncError of the plan */
export async function planMail(sink: Sink, args: Fields, scope?: Fields, given?: Partial<Item>): Promise<Plan> {
  const [plan] = await sink.plan([mailItem(args, scope, given)], never)
  if (plan instanceof SyncError) throw plan
  return plan!
}

export async function sendMail(
  sink: Sink,
  args: Fields = {},
  scope?: Fields,
  given?: Partial<Item>,
): Promise<Delivery> {
  const [delivery] = await sink.deliver([await planMail(sink, args, scope, given)], never)
  return delivery!
}

export async function failureOf(sink: Sink, args: Fields = {}, scope?: Fields): Promise<SyncError> {
  const delivery = await sendMail(sink, args, scope)
  if (delivery.status !== 'failed') throw new Error(`it was ${delivery.status}`)
  return delivery.error
}
