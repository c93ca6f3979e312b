import { afterAll, describe } from 'vitest'
import { Api } from './twenty/api.ts'
import { describeGraphql } from './twenty/graphql.ts'
import { describeMany } from './twenty/many.ts'
import { describeMetadata } from './twenty/metadata.ts'
import { describeReading } from './twenty/reading.ts'
import { describeRecords } from './twenty/records.ts'
import { describeDeliveries, describeWebhookCrud } from './twenty/webhooks.ts'

export interface TwentyContractOptions {
  readonly url: string
  readonly apiKey: string
  /**
   * Where the server finds a receiver of ours; its port is listened on. `loopback` takes a free port there.
   * Absent leaves the deliveries out.
   */
  readonly webhookReceiver?: string | 'loopback'
  /** Also add and remove an object and fields. Not on a workspace that people use. */
  readonly changeDataModel?: boolean
}

/**
 * What twenty-sync relies on, as tests against any Twenty, real or stand-in. Touches only records that it creates,
 * which carry a tag of the run, and destroys them in the end. Where versions differ, either is right.
 */
export function describeTwentyContract(options: TwentyContractOptions): void {
  describe('Twenty', () => {
    const api = new Api(options.url, options.apiKey)
    afterAll(() => api.destroyAll(), 600_000)
    describeRecords(api)
    describeReading(api)
    describeMany(api)
    describeMetadata(api, { changeDataModel: options.changeDataModel ?? false })
    describeGraphql(api)
    describeWebhookCrud(api)
    if (options.webhookReceiver !== undefined)
      describeDeliveries(api, options.webhookReceiver === 'loopback' ? undefined : options.webhookReceiver)
  })
}
