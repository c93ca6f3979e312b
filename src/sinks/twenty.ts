import { createTwentyClient, type TwentyClient } from '../clients/twenty/client.ts'
import { batchOf, patienceOf, TwentyConfig } from '../clients/twenty/config.ts'
import { MOST_ROWS } from '../clients/twenty/records.ts'
import { verifyNewest } from '../clients/twenty/verify-newest.ts'
import { defineSink } from '../config/definition.ts'
import { asSyncError } from '../errors.ts'
import type { Item, Plan, Sink } from './sink.ts'
import { actions } from './twenty/actions.ts'
import { claimsOf } from './twenty/claims.ts'
import { Deliverer } from './twenty/deliverer.ts'
import { TwentyPeer } from './twenty/peer.ts'
import { Planner } from './twenty/planner.ts'
import { resultShape } from './twenty/result-shape.ts'
import { TwentyTasks } from './twenty/tasks.ts'
import { undoneDelete } from './twenty/undone-delete.ts'
import { verifyUse } from './twenty/verify.ts'

export default defineSink({
  type: 'twenty',
  summary: 'Reads and writes records of a Twenty workspace.',
  config: TwentyConfig,
  examples: [
    {
      title: 'A workspace with its webhook',
      yaml: '{ type: twenty, url: "${TWENTY_URL}", apiKey: "${TWENTY_API_KEY}", webhookSecret: "${TWENTY_WEBHOOK_SECRET}" }',
    },
  ],
  actions,
  client: createTwentyClient,
  peer: (config, context) => new TwentyPeer(config, context),
  tasks: (_, { name, client, env }) => new TwentyTasks(name, client as TwentyClient, env.clock),
  create(config, { client, env }): Sink {
    const twenty = client as TwentyClient
    const planner = new Planner(twenty, env.clock)
    const batch = batchOf(config)
    const deliverer = new Deliverer(twenty, planner, batch)
    return {
      batchOf: () => ({ deliver: batch, plan: MOST_ROWS, patienceMs: patienceOf(config) }),
      claims: claimsOf,
      async plan(items, signal) {
        try {
          return await planner.plan(items, { signal, priority: priorityOf(items) })
        } catch (thrown) {
          const error = asSyncError(thrown)
          return items.map(() => error)
        }
      },
      page: (item, cursor, signal) => planner.page(item, cursor, { signal, priority: item.priority }),
      deliver: (plans, signal) => deliverer.deliver(plans, { signal, priority: priorityOf(plans.map(itemOf)) }),
      amend: undoneDelete,
      verify: (uses, signal) => verifyNewest(uses, twenty, signal, verifyUse),
      async shape(use, signal) {
        return resultShape(use, await twenty.schemas.get({ signal }))
      },
      async status() {
        const { available, waiting, blockedMs } = await twenty.limiterStatus()
        return { limiter: { available, waiting, blockedMs }, breaker: twenty.breakerState }
      },
      async check(signal) {
        // Needs the right address, a key that works and the right to read the data model: all that the sink lives by.
        await twenty.schemas.refresh({ signal })
      },
    }
  },
})

function itemOf(plan: Plan): Item {
  return plan.item
}

/** A call that one live item waits for is a live call. */
function priorityOf(items: readonly Item[]): Item['priority'] {
  return items.every(item => item.priority === 'replay') ? 'replay' : 'live'
}
