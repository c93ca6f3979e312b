import { afterAll } from 'vitest'
import { startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { describeTwentyContract } from './twenty.ts'

const sandbox = await startSandboxTwenty({ faults: { rateLimit: { enabled: false } } })

afterAll(() => sandbox.stop())

describeTwentyContract({
  url: sandbox.url,
  apiKey: sandbox.apiKey,
  webhookReceiver: 'loopback',
  changeDataModel: true,
})
