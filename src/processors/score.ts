import { type Static, Type } from '@sinclair/typebox'
import { type ConfigFault, defineProcessor, Expr, type Expression } from '../config/definition.ts'
import { SyncError } from '../errors.ts'
import type { Scope } from './processor.ts'

const Config = Type.Object(
  {
    rules: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1, description: 'What the reason calls it.', examples: ['big company'] }),
          when: Expr({ description: 'True: it counts.', result: 'boolean', examples: ['company.employees > 200.0'] }),
          points: Type.Union(
            [
              Type.Number({ description: 'So many.', examples: [30] }),
              Expr({ description: 'An expression that gives a number.', examples: ['data.visits * 2.0'] }),
            ],
            { description: 'What it adds; below zero it takes away.', examples: [30, -10] },
          ),
        },
        { additionalProperties: false, description: 'A rule.' },
      ),
      {
        minItems: 1,
        description: 'Each one that is true adds its points.',
        examples: [[{ name: 'big company', when: 'company.employees > 200.0', points: 30 }]],
      },
    ),
    bands: Type.Optional(
      Type.Record(Type.String(), Type.Number({ description: 'From how many points on.', examples: [80] }), {
        description:
          'Names for scores, each with the points from which on it holds; below all of them the band is null.',
        examples: [{ hot: 80, warm: 50 }],
      }),
    ),
    min: Type.Optional(Type.Number({ description: 'The total is never below.', examples: [0] })),
    max: Type.Optional(Type.Number({ description: 'The total is never above.', examples: [100] })),
  },
  { additionalProperties: false },
)

interface Rule {
  readonly name: string
  readonly when: Expression
  readonly points: number | Expression
}

/** Adds up points, and says which rule gave how many. */
export default defineProcessor({
  type: 'score',
  summary:
    'Adds up the points of rules. The result has `total`, `band`, `rules` (name and points of those that counted) and `reason`, the same in words.',
  config: Config,
  examples: [
    {
      title: 'A lead score, explained',
      yaml: 'rules:\n  - { name: big company, when: data.employees > 200, points: 30 }\n  - { name: asked for a call, when: "data.topic == \'call\'", points: 40 }\n  - { name: free mail, when: isFreeMail(data.email), points: -10 }\n  - { name: visits, when: data.visits > 0, points: data.visits * 2 }\nbands: { hot: 60, warm: 30 }\nmin: 0\nmax: 100\nas: score\n',
    },
  ],
  gives: 'score',
  check: scoreFaults,
  create(config, context) {
    const rules = config.rules.map(({ name, when, points }) => ({
      name,
      when: context.compile(when),
      points: typeof points === 'number' ? points : context.compile(points),
    }))
    const bands = Object.entries(config.bands ?? {}).sort(([, a], [, b]) => b - a)
    return {
      process(scope) {
        const counted = rules.flatMap(rule => {
          const points = pointsOf(rule, scope, context.name)
          return points === 0 ? [] : [{ name: rule.name, points }]
        })
        const sum = counted.reduce((all, { points }) => all + points, 0)
        const total = rounded(Math.min(config.max ?? sum, Math.max(config.min ?? sum, sum)))
        const band = bands.find(([, from]) => total >= from)?.[0] ?? null
        const reason = counted.map(({ name, points }) => `${name} ${points > 0 ? '+' : ''}${points}`).join(', ')
        return { result: { total, band, rules: counted, reason } }
      },
    }
  },
})

function pointsOf({ name, when, points }: Rule, scope: Scope, step: string): number {
  if (when.evaluate(scope) !== true) return 0
  if (typeof points === 'number') return points
  const given = points.evaluate(scope)
  if (typeof given === 'number') return rounded(given)
  const message = `step ${step}: the points of "${name}", \`${points.source}\`, gave no number`
  throw new SyncError('rejected', 'EXPRESSION_FAILED', message)
}

/** 0.1 + 0.2 is 0.3 to whoever reads a score. */
function rounded(points: number): number {
  return Math.round(points * 1e6) / 1e6
}

function scoreFaults({ rules, bands = {}, min, max }: Static<typeof Config>): ConfigFault[] {
  const faults: ConfigFault[] = []
  for (const [at, { name }] of rules.entries()) {
    if (rules.findIndex(other => other.name === name) === at) continue
    const message = `two rules are called "${name}"; the reason would not tell them apart`
    faults.push({ path: ['rules', at, 'name'], message, suggestion: 'another name' })
  }
  const froms = Object.entries(bands)
  for (const [at, [name, from]] of froms.entries()) {
    const same = froms.slice(0, at).find(([, other]) => other === from)
    if (same) faults.push({ path: ['bands', name], message: `"${same[0]}" begins at ${from}, too` })
  }
  if (min !== undefined && max !== undefined && min > max)
    faults.push({ path: ['min'], message: `\`min\` is above \`max\`, ${max}` })
  return faults
}
