import { Type } from '@sinclair/typebox'
import { defineProcessor, Expr } from '../config/definition.ts'
import { SyncError } from '../errors.ts'

const Keep = Expr({
  description: 'True lets the event go on, false ends it here without harm.',
  result: 'boolean',
  examples: ["data.stage == 'WON'"],
})

/** Lets events pass or ends them. */
export default defineProcessor({
  type: 'filter',
  summary: 'Lets an event go on, or ends it here without harm.',
  config: Type.Union(
    [
      Keep,
      Type.Object(
        { keep: Keep },
        { additionalProperties: false, description: 'The long form, which has room for an `id`.' },
      ),
    ],
    {
      description: 'The condition, alone or under `keep`.',
      examples: ["data.stage == 'WON'", { keep: "'stage' in event.changed" }],
    },
  ),
  examples: [
    { title: 'Won opportunities only', yaml: "keep: data.stage == 'WON'\n" },
    { title: 'Only when the stage changed', yaml: 'keep: "\'stage\' in event.changed"\nid: stage-changed\n' },
  ],
  create(config, context) {
    const keep = context.compile(typeof config === 'string' ? config : config.keep)
    const skip = { skip: `filtered: ${context.name.slice(context.flow.length + 1)}` }
    const pass = {}
    return {
      process(scope) {
        const value = keep.evaluate(scope)
        if (value === true) return pass
        if (value === false) return skip
        const message = `step ${context.name}: \`${keep.source}\` gave neither true nor false`
        throw new SyncError('rejected', 'EXPRESSION_FAILED', message)
      },
    }
  },
})
