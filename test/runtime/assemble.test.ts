import pino from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { inMemory } from '../../src/config/in-memory.ts'
import { openEngine } from '../../src/engine.ts'
import { type Assembly, assemble } from '../../src/runtime/assemble.ts'
import { load } from '../config/support.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** A config that knows one more domain of free mail. */
async function assembled(domain: string): Promise<Assembly> {
  const { config } = await load(`
expressions: { freeMail: [${domain}] }
connectors:
  form: { type: webhook, path: /hooks/form, verify: none }
flows:
  leads:
    from: form
    collect: { every: 1m, max: 10, by: "string(isFreeMail(data.email))" }
    steps:
      - each:
          over: "[data.email].filter(e, isFreeMail(e))"
          as: email
          do:
            - filter: isFreeMail(email)
`)
  const env = {
    clock: new VirtualClock(),
    http: () => Promise.reject(new Error('not needed')),
    random: () => 0.5,
    uuid: () => '',
    logger: pino({ level: 'silent' }),
  }
  const engine = await openEngine(inMemory(config), env)
  const assembly = assemble(config, engine, env, domain)
  onTestFinished(async () => {
    await assembly.close()
    await engine.close()
  })
  return assembly
}

/** What the flow's expressions say of an address, one after the other. */
function saysOf({ flows }: Assembly, email: string): unknown[] {
  const { steps, collect } = flows[0]!.compiled
  const [each] = steps
  const over = each?.kind === 'each' && !('kind' in each.over) ? each.over : undefined
  return [collect?.by?.evaluate({ data: { email } }), over?.evaluate({ data: { email } })]
}

it('two configs in one process know free mail each by its own list', async () => {
  const [one, other] = [await assembled('one.example'), await assembled('other.example')]
  expect(saysOf(one, 'me@one.example')).toEqual(['true', ['me@one.example']])
  expect(saysOf(other, 'me@one.example')).toEqual(['false', []])
  expect(saysOf(one, 'me@other.example')).toEqual(['false', []])
  expect(saysOf(other, 'me@other.example')).toEqual(['true', ['me@other.example']])
})
