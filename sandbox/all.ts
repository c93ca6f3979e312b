import { startSandboxEnrichment } from './enrichment/server.ts'
import { startSandboxInbox } from './mail/inbox.ts'
import { startSandboxMail } from './mail/server.ts'
import { startSandboxNewsletter } from './newsletter/server.ts'
import { startSandboxRecorder } from './recorder/server.ts'
import { startSandboxScoring } from './scoring/server.ts'
import { startSandboxSequences } from './sequences/server.ts'
import { startSandboxTwenty } from './twenty/server.ts'
import { startSandboxWarehouse } from './warehouse/server.ts'
import { addFields } from './workspace.ts'

export interface SandboxAllOptions {
  /** Of Twenty; the others take the next ones. 0 takes free ones. */
  readonly port: number
  readonly apiKey: string
}

export interface SandboxAll {
  readonly url: string
  readonly apiKey: string
  /** What the shipped configs read. */
  readonly variables: Readonly<Record<string, string>>
  /** Who is where, Twenty first. */
  readonly systems: readonly { readonly name: string; readonly url: string }[]
  stop(): Promise<void>
}

/** Where `twenty-sync run` listens unless told otherwise. */
const INTAKE = 'http://127.0.0.1:8080'

/** Twenty with the fields that the shipped configs use, and every other system that they talk to. */
export async function startSandboxAll({ port, apiKey }: SandboxAllOptions): Promise<SandboxAll> {
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
    const recorder = await start(options => startSandboxRecorder({ ...options, target: `${INTAKE}/hooks/recorder` }))
    const inbox = await start(options => startSandboxInbox(mail, options))
    const named = { twenty, mail, inbox, enrichment, scoring, warehouse, newsletter, sequences, recorder }
    return {
      url: twenty.url,
      apiKey,
      systems: Object.entries(named).map(([name, { url }]) => ({ name, url })),
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
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
