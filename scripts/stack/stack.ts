import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Parts, startSandboxAll } from '../../sandbox/all.ts'
import { type SandboxMail, startSandboxMail } from '../../sandbox/mail/server.ts'
import { type SandboxRest, type SandboxRestOptions, startSandboxRest } from '../../sandbox/rest/server.ts'
import { type SandboxTwenty, type SandboxTwentyOptions, startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { addFields } from '../../sandbox/workspace.ts'
import { connectControl } from '../../src/cli/control-client.ts'
import { systemClock } from '../../src/environment/clock.ts'
import type { DaemonOperations } from '../../src/runtime/operations.ts'
import { startKafka } from '../services/kafka.ts'
import { freePorts } from '../services/ports.ts'
import { startRedis } from '../services/redis.ts'
import { DaemonProcess, type Ran, ROOT, runCli } from './daemon-process.ts'
import { startSecuredEngine } from './secured-engine.ts'

export type EngineName = 'embedded' | 'kafka'

export interface StackOptions {
  readonly engine: EngineName
  /** Config files below the project, without log, state and server. */
  readonly configs: readonly string[]
  readonly twenty?: SandboxTwentyOptions
  /** Present: a REST API for `config/two-way-sync.yaml`, as `${ERP_URL}`. */
  readonly erp?: SandboxRestOptions
  /** Every stand-in that the shipped configs talk to. */
  readonly everything?: boolean
  /** No limit on calls to Twenty, on neither side: for what is not about limits, and would wait for them. */
  readonly unlimited?: boolean
  /** Kafka and Redis behind TLS, with passwords and a client certificate; servers of this stack's own. */
  readonly secured?: boolean
  /** YAML added to the stack's own file. */
  readonly extra?: string
  /** More environment variables for the daemon and the commands. */
  readonly env?: Readonly<Record<string, string>>
  readonly onLog?: (line: string) => void
}

/** What the daemon needs from outside, with the running whole: sandbox Twenty, engine, daemon. */
export interface Stack {
  readonly engine: EngineName
  readonly twenty: SandboxTwenty
  /** Takes the mails, as `${SMTP_URL}`. */
  readonly mail: SandboxMail
  readonly erp?: SandboxRest
  readonly everything?: Everything
  readonly daemon: DaemonProcess
  readonly url: string
  /** The stack's own part of the config: engine, server and extras. */
  readonly configFile: string
  readonly configText: string
  /** First part of this stack's topics and keys; its own, so that stacks can share a broker. */
  readonly prefix: string
  readonly env: Readonly<Record<string, string>>
  /** Where the engine is, for people. */
  readonly found: readonly string[]
  readonly redisUrl?: string
  readonly brokers?: readonly string[]
  /** Posts a form as the web site would. The status. */
  postForm(fields: Readonly<Record<string, string>>): Promise<number>
  cli(...args: string[]): Promise<Ran>
  /** What the command line asks the daemon, without a process for each question. */
  operations(): Promise<DaemonOperations>
  /** Resolves when no flow has anything to do, parked events included. @throws Error after `ms`. */
  settled(ms?: number): Promise<void>
  stop(): Promise<void>
}

export type Everything = Parts

const ERP_WEBHOOK_SECRET = 'sandbox-erp-secret'
const FORM_KEY = 'demo-form-key'

/** Starts everything; the daemon is a process of its own, the sandbox runs in this one. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), 'twenty-sync-'))
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  try {
    return await start(options, folder, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function start(options: StackOptions, folder: string, closers: (() => Promise<unknown>)[]): Promise<Stack> {
  const engine = await (options.secured ? startSecuredEngine : startEngine)(options.engine, folder, closers)
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const { twenty, mail, erp, everything, variables } = await startSystems(options, url, closers)
  const own = join(folder, 'stack.yaml')
  const configText = `server: { host: 127.0.0.1, port: ${port}, publicUrl: "${url}" }\n${engine.yaml}\n${options.extra ?? ''}`
  await writeFile(own, configText)
  const env = {
    ...variables,
    FORM_KEY,
    TWENTY_SYNC_CONTROL: folder,
    ...engine.env,
    ...options.env,
  }
  const shipped = options.configs.map(file => join(ROOT, file))
  const configs = [...(options.unlimited ? await withoutLimits(shipped, folder) : shipped), own]
  if (options.unlimited) twenty.faults.rateLimit.enabled = false
  const daemon = new DaemonProcess({ configs, env, url, ...(options.onLog && { onLog: options.onLog }) })
  closers.push(() => daemon.end('SIGKILL'))
  await daemon.start()
  // What happens before that is found by the next poll, minutes later.
  if (await subscribes(shipped)) await eventually('Twenty knows the webhook', () => hasWebhook(twenty))
  return {
    engine: options.engine,
    twenty,
    mail,
    ...(erp && { erp }),
    ...(everything && { everything }),
    daemon,
    configFile: own,
    configText,
    url,
    prefix: engine.prefix,
    env,
    found: engine.found,
    ...(engine.redisUrl && { redisUrl: engine.redisUrl }),
    ...(engine.brokers && { brokers: engine.brokers }),
    postForm: fields => postForm(url, fields),
    cli: (...args) => runCli([...args, ...configs.flatMap(file => ['--config', file])], env),
    operations: () => operationsOf(folder),
    settled: ms => eventually('all flows at rest', () => atRest(url), ms ?? 60_000),
    stop: () => closeAll(closers),
  }
}

async function subscribes(configs: readonly string[]): Promise<boolean> {
  const texts = await Promise.all(configs.map(file => readFile(file, 'utf8')))
  return texts.some(text => /^ +registerWebhook: true$/m.test(text))
}

function hasWebhook(twenty: SandboxTwenty): boolean {
  const headers = { authorization: `Bearer ${twenty.apiKey}` }
  return (twenty.handle({ method: 'GET', url: '/rest/webhooks', headers }).body as unknown[]).length > 0
}

interface Systems {
  readonly twenty: SandboxTwenty
  readonly mail: SandboxMail
  readonly erp?: SandboxRest
  readonly everything?: Everything
  readonly variables: Readonly<Record<string, string>>
}

async function startSystems(
  options: StackOptions,
  intake: string,
  closers: (() => Promise<unknown>)[],
): Promise<Systems> {
  if (options.everything) {
    const { parts, variables, stop } = await startSandboxAll({ port: 0, apiKey: 'sandbox-api-key', intake })
    closers.push(stop)
    return { twenty: parts.twenty, mail: parts.mail, erp: parts.erp, everything: parts, variables }
  }
  const twenty = await startSandboxTwenty(options.twenty)
  addFields(twenty)
  closers.push(() => twenty.stop())
  const mail = await startSandboxMail()
  closers.push(() => mail.stop())
  const erp = options.erp && (await startSandboxRest(options.erp))
  if (erp) {
    closers.push(() => erp.stop())
    erp.settings.webhook = { url: `${intake}/hooks/erp`, secret: ERP_WEBHOOK_SECRET, record: true, changes: true }
  }
  const variables = {
    TWENTY_URL: twenty.url,
    TWENTY_API_KEY: twenty.apiKey,
    TWENTY_WEBHOOK_SECRET: 'sandbox-webhook-secret',
    SMTP_URL: mail.url,
    ...(erp && { ERP_URL: erp.url, ERP_TOKEN: erp.token, ERP_WEBHOOK_SECRET }),
  }
  return { twenty, mail, ...(erp && { erp }), variables }
}

/** Copies in the folder, with limits that nothing reaches. The files that they name stay where they are. */
function withoutLimits(configs: readonly string[], folder: string): Promise<string[]> {
  return Promise.all(
    configs.map(async file => {
      const text = await readFile(file, 'utf8')
      const copy = join(folder, basename(file))
      const unlimited = text.replace(/^( +)type: twenty$/m, '$&\n$1limits: { perMinute: 100000, perSecond: 10000 }')
      await writeFile(copy, unlimited.replaceAll(/(: )\.\//g, `$1${dirname(file)}/`))
      return copy
    }),
  )
}

/** The control port opens a moment after the intake. */
async function operationsOf(folder: string): Promise<DaemonOperations> {
  let found: DaemonOperations | undefined
  await eventually('the daemon answers on its control port', async () => {
    const files = await readdir(folder, { recursive: true })
    for (const file of files.filter(file => basename(file) === 'control.json'))
      found ??= await connectControl(join(folder, dirname(file)), systemClock)
    return found !== undefined
  })
  return found!
}

/** From the metrics: much cheaper than a process per look. */
async function atRest(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/metrics`).catch(() => undefined)
  const text = (await answer?.text()) ?? ''
  const waiting = [...text.matchAll(/^twenty_sync_flow_(?:lag|parked)_events\{.*\} (\S+)$/gm)]
  return waiting.length > 0 && waiting.every(([, count]) => count === '0')
}

export interface StartedEngine {
  readonly yaml: string
  readonly prefix: string
  readonly found: readonly string[]
  readonly redisUrl?: string
  readonly brokers?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

async function startEngine(
  engine: EngineName,
  folder: string,
  closers: (() => Promise<unknown>)[],
): Promise<StartedEngine> {
  if (engine === 'embedded') {
    const file = join(folder, 'data')
    return {
      yaml: `log: { type: embedded, folder: "${file}" }`,
      prefix: 'twenty-sync',
      found: [`embedded, one file in ${file}`],
    }
  }
  const [kafka, redis] = await Promise.all([startKafka(), startRedis()])
  closers.push(
    () => kafka.stop(),
    () => redis.stop(),
  )
  const prefix = `ts${Date.now().toString(36)}`
  return {
    yaml: `log: { type: kafka, brokers: [${kafka.brokers.map(broker => `"${broker}"`).join(', ')}], prefix: ${prefix}, replication: 1 }
state: { type: redis, url: "${redis.url}", prefix: "${prefix}" }`,
    prefix,
    found: [kafka.found, redis.found],
    redisUrl: redis.url,
    brokers: kafka.brokers,
  }
}

async function postForm(url: string, fields: Readonly<Record<string, string>>): Promise<number> {
  const answer = await fetch(`${url}/hooks/lead-form`, {
    method: 'POST',
    headers: { 'x-form-key': FORM_KEY },
    body: new URLSearchParams(fields),
  })
  await answer.arrayBuffer()
  return answer.status
}

async function closeAll(closers: (() => Promise<unknown>)[]): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close().catch(() => {})
}

/** Longer than the minute after which a system lets calls through again. */
const PATIENCE_MS = 75_000

/** Waits until `check` is true. @throws Error after `ms`, naming what was waited for. */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  ms = PATIENCE_MS,
): Promise<void> {
  const deadline = Date.now() + ms
  while (Date.now() < deadline) {
    if (await check()) return
    await sleep(25)
  }
  throw new Error(`after ${ms / 1000} s still not so: ${what}`)
}
