import { describeTwentyContract } from './twenty.ts'

/** Run by `npm run test:twenty` alone, which checks the environment first. */
const { TWENTY_URL, TWENTY_API_KEY, TWENTY_WEBHOOK_RECEIVER, TWENTY_CHANGE_DATA_MODEL } = process.env

describeTwentyContract({
  url: TWENTY_URL ?? '',
  apiKey: TWENTY_API_KEY ?? '',
  ...(TWENTY_WEBHOOK_RECEIVER ? { webhookReceiver: TWENTY_WEBHOOK_RECEIVER } : {}),
  changeDataModel: TWENTY_CHANGE_DATA_MODEL === 'yes',
})
