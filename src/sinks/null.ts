import { Type } from '@sinclair/typebox'
import { defineSink } from '../config/definition.ts'

/** Ends a flow without touching anything: for measuring, and for trying steps on real traffic. */
export default defineSink({
  type: 'null',
  summary: 'Goes nowhere. For measuring, and for trying steps on real traffic before they write.',
  config: Type.Object({}),
  examples: [{ title: 'A system that swallows everything', yaml: 'type: "null"' }],
  actions: {
    discard: {
      summary: 'Does nothing with the event.',
      effect: 'read',
      config: Type.Object({}),
      examples: [{ title: 'End of a flow that is being measured', yaml: 'in: nowhere' }],
    },
  },
  create: () => ({
    plan: async items => items.map(item => ({ item, operation: 'none', result: null })),
    deliver: async plans => plans.map(() => ({ status: 'delivered' })),
  }),
})
