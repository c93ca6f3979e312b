import { type Static, Type } from '@sinclair/typebox'
import { type ConfigFault, defineProcessor, Expr } from '../config/definition.ts'
import { SyncError } from '../errors.ts'

const Config = Type.Object(
  {
    value: Expr({
      description: 'The number that is watched. null, or an empty optional, says nothing.',
      examples: ['data.usage', 'data.?balance'],
    }),
    below: Type.Optional(Type.Number({ description: 'The line, crossed by a smaller value.', examples: [100] })),
    above: Type.Optional(Type.Number({ description: 'The line, crossed by a greater value.', examples: [80] })),
    clear: Type.Optional(
      Type.Number({
        description:
          'Where it must be back before it can cross again: `below: 100, clear: 120` takes no notice of a value that hovers around 100. Default: the line.',
        examples: [120],
      }),
    ),
    by: Expr({ description: 'Whose value it is. Text or a number.', examples: ['data.companyId', 'event.recordId'] }),
    first: Type.Optional(
      Type.Boolean({
        description: 'Whether a value that is beyond the line when it is seen for the first time has crossed it.',
        default: true,
      }),
    ),
  },
  { additionalProperties: false },
)

type Settings = Static<typeof Config>

/** True once per crossing, however often the value is told. */
export default defineProcessor({
  type: 'crossing',
  summary: 'Tells whether a number has just gone over a line: true once per crossing, until it is back.',
  config: Config,
  examples: [
    {
      title: 'Usage fell below 100; again only after it was at 120',
      yaml: 'value: data.usage\nbelow: 100\nclear: 120\nby: data.companyId\nas: fell\n',
    },
    {
      title: 'A score rose above 80; what is hot already when first seen is no news',
      yaml: 'value: data.score\nabove: 80\nby: event.recordId\nfirst: false\nas: isHot\n',
    },
  ],
  gives: 'fell',
  remembers: true,
  check: crossingFaults,
  create(config, context) {
    const value = context.compile(config.value)
    const by = context.compile(config.by)
    return {
      async process(scope, { recall }) {
        const now = numberOf(value.evaluate(scope), value.source, context.name)
        if (now === undefined) return { result: false }
        const whose = keyOf(by.evaluate(scope), by.source, context.name)
        const result = await recall<boolean>(whose, (wasBeyond, isLate) =>
          isLate ? { answer: false } : judged(config, now, wasBeyond),
        )
        return { result }
      },
    }
  },
})

function judged({ below, above, clear, first = true }: Settings, now: number, wasBeyond: boolean | undefined) {
  const isBeyond = below !== undefined ? now < below : now > above!
  if (wasBeyond) {
    const isBack = below !== undefined ? now >= (clear ?? below) : now <= (clear ?? above!)
    return { answer: false, memory: !isBack }
  }
  return { answer: isBeyond && (first || wasBeyond === false), memory: isBeyond }
}

function numberOf(value: unknown, source: string, step: string): number | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'number') return value
  const message = `step ${step}: \`${source}\` gave ${JSON.stringify(value).slice(0, 100)}, which is no number`
  throw new SyncError('rejected', 'EXPRESSION_FAILED', message)
}

/** Nothing to tell by would make one value of everybody's. */
function keyOf(value: unknown, source: string, step: string): string {
  if ((typeof value === 'string' && value !== '') || typeof value === 'number') return String(value)
  const message = `step ${step}: \`by\` (\`${source}\`) must give text or a number`
  throw new SyncError('rejected', 'EXPRESSION_FAILED', message)
}

function crossingFaults({ below, above, clear }: Settings): ConfigFault[] {
  if (below === undefined && above === undefined)
    return [{ path: [], message: 'there is no line', suggestion: 'below: 100' }]
  if (below !== undefined && above !== undefined)
    return [{ path: ['above'], message: '`below` and `above` are two lines; a step watches one' }]
  if (clear === undefined) return []
  if (below !== undefined && clear < below)
    return [{ path: ['clear'], message: `\`clear\` is where it is back, so not below ${below}` }]
  if (above !== undefined && clear > above)
    return [{ path: ['clear'], message: `\`clear\` is where it is back, so not above ${above}` }]
  return []
}
