import { defineProcessor, ExprMap } from '../config/definition.ts'

/** Computes values; each key becomes a name that later steps read. `data` itself is never changed. */
export default defineProcessor({
  type: 'transform',
  summary: 'Computes values: each key becomes a name that later steps read.',
  config: ExprMap({
    description:
      'Names with their expressions, or maps and lists of them. They do not see each other; a second transform sees the first. An empty optional gives a name that is null.',
    examples: [{ email: 'data.email.trim().lowerAscii()', domain: "data.email.split('@')[1]" }],
  }),
  examples: [
    {
      title: 'A clean address and its domain',
      yaml: "email: data.email.trim().lowerAscii()\ndomain: data.email.trim().lowerAscii().split('@')[1]\n",
    },
    {
      title: 'Structured values',
      yaml: "amount: money(data.total, data.currency)\nname: { firstName: data.first, lastName: data.?last.orValue('') }\n",
    },
  ],
  adds: config => Object.keys(config),
  create(config, context) {
    const values = Object.entries(config).map(([name, tree]) => ({ name, tree: context.compileTree(tree) }))
    return {
      process(scope) {
        const names: Record<string, unknown> = {}
        for (const { name, tree } of values) names[name] = tree.evaluate(scope) ?? null
        return { names }
      },
    }
  },
})
