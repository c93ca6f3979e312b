import { startSandboxEnrichment } from './enrichment/server.ts'
import { startSandboxApi } from './http/api.ts'
import type { SandboxHttp } from './http/server.ts'
import { startSandboxInbox } from './mail/inbox.ts'
import { startSandboxMail } from './mail/server.ts'
import { startSandboxNewsletter } from './newsletter/server.ts'
import { startSandboxRecorder } from './recorder/server.ts'
import { startSandboxRest } from './rest/server.ts'
import { startSandboxScoring } from './scoring/server.ts'
import { startSandboxSequences } from './sequences/server.ts'
import { startSandboxStripe } from './stripe/server.ts'
import { startSandboxTwenty } from './twenty/server.ts'
import { startSandboxWarehouse } from './warehouse/server.ts'
import { addFields } from './workspace.ts'

export interface SandboxAllOptions {
  /** Of Twenty; the others take the next ones. 0 takes free ones. */
  readonly port: number
  readonly apiKey: string
  /** Where the daemon takes webhooks. Default: where `twenty-sync run` listens unless told otherwise. */
  readonly intake?: string
}

export interface SandboxAll {
  readonly url: string
  readonly apiKey: string
  /** What the shipped configs read. */
  readonly variables: Readonly<Record<string, string>>
  /** Who is where, Twenty first. */
  readonly systems: readonly { readonly name: string; readonly url: string }[]
  readonly parts: Parts
  stop(): Promise<void>
}

type Running<T extends (...given: never[]) => Promise<unknown>> = Awaited<ReturnType<T>>

/** Each stand-in, with its switches and what it knows. */
export interface Parts {
  readonly twenty: Running<typeof startSandboxTwenty>
  readonly mail: Running<typeof startSandboxMail>
  readonly inbox: Running<typeof startSandboxInbox>
  readonly enrichment: Running<typeof startSandboxEnrichment>
  readonly scoring: Running<typeof startSandboxScoring>
  readonly warehouse: Running<typeof startSandboxWarehouse>
  readonly newsletter: Running<typeof startSandboxNewsletter>
  readonly sequences: Running<typeof startSandboxSequences>
  readonly recorder: Running<typeof startSandboxRecorder>
  readonly stripe: Running<typeof startSandboxStripe>
  readonly erp: Running<typeof startSandboxRest>
  readonly slack: Omit<SandboxHttp, 'reset'>
}

const INTAKE = 'http://127.0.0.1:8080'
const STRIPE = { secretKey: 'sk_test_sandbox', webhookSecret: 'whsec_sandbox' }
/** An incoming webhook; what came is in its calls. */
const SLACK = {
  routes: () => ({ 'POST /services/{team}/{channel}/{key}': () => ({ body: 'ok' }) }),
  stores: () => ({}),
  switches: {},
  letsIn: () => true,
}
const ERP_WEBHOOK_SECRET = 'sandbox-erp-secret'

/** Twenty with the fields that the shipped configs use, and every other system that they talk to. */
export async function startSandboxAll({ port, apiKey, intake = INTAKE }: SandboxAllOptions): Promise<SandboxAll> {
  const started: { stop(): Promise<void> }[] = []
  let next = port
  const start = async <T extends { stop(): Promise<void> }>(begin: (options: { port: number }) => Promise<T>) => {
    const running = await begin({ port: port === 0 ? 0 : next++ })
    started.push(running)
    return running
  }
  const stop = async () => void (await Promise.all(started.map(running => running.stop())))
  try {
    const twenty = await start(options => startSandboxTwenty({ ...options, apiKey }))
    addFields(twenty)
    const mail = await start(startSandboxMail)
    const enrichment = await start(startSandboxEnrichment)
    const scoring = await start(startSandboxScoring)
    const warehouse = await start(startSandboxWarehouse)
    const newsletter = await start(startSandboxNewsletter)
    const sequences = await start(startSandboxSequences)
    const recorder = await start(options => startSandboxRecorder({ ...options, target: `${intake}/hooks/recorder` }))
    const inbox = await start(options => startSandboxInbox(mail, options))
    const stripe = await start(options =>
      startSandboxStripe({ ...options, ...STRIPE, webhookUrl: `${intake}/hooks/stripe` }),
    )
    const webhook = { url: `${intake}/hooks/erp`, secret: ERP_WEBHOOK_SECRET, record: true, changes: true }
    const erp = await start(options =>
      startSandboxRest({ ...options, settings: { webhook, etags: true, unique: ['email'] } }),
    )
    const slack = await start(options => startSandboxApi(SLACK, options))
    const apis = { enrichment, scoring, warehouse, newsletter, sequences, recorder, stripe, erp, slack }
    const parts: Parts = { twenty, mail, inbox, ...apis }
    return {
      url: twenty.url,
      apiKey,
      parts,
      systems: Object.entries(parts).map(([name, { url }]) => ({ name, url })),
      variables: {
        TWENTY_URL: twenty.url,
        TWENTY_API_KEY: apiKey,
        TWENTY_WEBHOOK_SECRET: 'sandbox-webhook-secret',
        FORM_KEY: 'sandbox-form-key',
        SMTP_URL: mail.url,
        ENRICHMENT_URL: enrichment.url,
        ENRICHMENT_KEY: enrichment.key,
        SCORING_URL: scoring.url,
        SCORING_KEY: scoring.key,
        WAREHOUSE_URL: warehouse.url,
        WAREHOUSE_CLIENT_ID: warehouse.clientId,
        WAREHOUSE_CLIENT_SECRET: warehouse.clientSecret,
        NEWSLETTER_URL: newsletter.url,
        NEWSLETTER_KEY: newsletter.key,
        SEQUENCES_URL: sequences.url,
        SEQUENCES_KEY: sequences.key,
        RECORDER_SECRET: recorder.secret,
        STRIPE_URL: stripe.url,
        STRIPE_KEY: STRIPE.secretKey,
        STRIPE_WEBHOOK_SECRET: STRIPE.webhookSecret,
        ERP_URL: erp.url,
        ERP_TOKEN: erp.token,
        ERP_WEBHOOK_SECRET,
        SLACK_WEBHOOK_URL: `${slack.url}/services/T0/B0/sandbox`,
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
