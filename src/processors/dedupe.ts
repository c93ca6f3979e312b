import { Type } from '@sinclair/typebox'
import { Duration, defineProcessor, durationMs, Expr } from '../config/definition.ts'
import { SyncError } from '../errors.ts'
import type { ProcessResult } from './processor.ts'

/** P3: of events that mean the same, the first one goes on. The claim is the event's own: redelivered, it passes again. */
export default defineProcessor({
  type: 'dedupe',
  summary: 'Of events that mean the same, lets the first one go on and ends the others.',
  config: Type.Object(
    {
      by: Expr({
        description: 'What events that mean the same have in common. Text, a number or a boolean.',
        examples: ["data.email + '/' + data.formId"],
      }),
      within: Type.Optional(
        Duration({
          description: 'How far apart in their own time two events still mean the same.',
          default: '24h',
          examples: ['24h', '30d'],
        }),
      ),
    },
    { additionalProperties: false },
  ),
  examples: [
    { title: 'The same form sent twice', yaml: "by: data.email.lowerAscii() + '/' + data.formId\nwithin: 24h\n" },
  ],
  remembers: true,
  create(config, context) {
    const by = context.compile(config.by)
    const withinMs = durationMs(config.within ?? '24h')
    return {
      async process(scope, { claim }): Promise<ProcessResult> {
        const answer = await claim(claimed(by.evaluate(scope), context.name), withinMs)
        if (answer === 'mine') return {}
        if (answer === 'taken') return { skip: 'duplicate' }
        const message = `step ${context.name}: an event that means the same is not done yet; this one waits for it`
        throw new SyncError('retryable', 'DEDUPE_WAIT', message)
      },
    }
  },
})

/** null is nothing to compare by: every event without an email would be a duplicate of the first. */
function claimed(value: unknown, step: string): string {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number' || typeof value === 'boolean') return JSON.stringify(value)
  const given = value === '' ? 'empty text' : value === null ? 'null' : value === undefined ? 'nothing' : 'a structure'
  const message = `step ${step}: \`by\` gave ${given}; it must give text, a number or a boolean`
  throw new SyncError('rejected', 'EXPRESSION_FAILED', message)
}
