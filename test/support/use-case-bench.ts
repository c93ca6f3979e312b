import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pino from 'pino'
import { onTestFinished } from 'vitest'
import { type SandboxTwenty, type SandboxTwentyOptions, startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { addFields } from '../../sandbox/workspace.ts'
import { freePorts } from '../../scripts/services/ports.ts'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import type { Environment } from '../../src/environment.ts'
import type { Fields } from '../../src/event.ts'
import { type Daemon, startDaemon } from '../../src/runtime/daemon.ts'
import type { DeadLetter } from '../../src/runtime/dead-letters.ts'
import type { Operations } from '../../src/runtime/operations.ts'
import { type MailServer, startMailServer } from './mail-server.ts'
import { tempFolder } from './temp-folder.ts'
import type { UseCaseEngine, WatchedEngine } from './use-case-engine.ts'
import { settle, VirtualClock } from './virtual-clock.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** Time that passes per look while no call is under way. */
const STEP_MS = 2
/** Nothing came or went for so long, in real time: only time can be waited for, and it goes on in longer steps. */
const QUIET_MS = 150
const LONG_STEP_MS = 1000
/** A call that takes so long, in real time, may be waiting for the virtual one. */
const STUCK_MS = 2000
const DEADLINE_MS = 60_000
const QUIET = { limits: { perMinute: 1_000_000, perSecond: 100_000 }, pollEvery: '7d' }

export interface UseCaseOptions {
  /** Below the project: `config/enrichment.yaml`. */
  readonly config: string
  readonly engine: UseCaseEngine
  /** What the config reads beside Twenty's, the mail server's and the form's. */
  readonly env?: Readonly<Record<string, string>>
  readonly twenty?: SandboxTwentyOptions
  readonly clock?: VirtualClock
  /** Keys of systems and connectors in place of what the config says: `{ enrichment: { timeout: '100ms' } }`. */
  readonly systems?: Readonly<Record<string, Fields>>
  /** Records that are there before the daemon starts. */
  readonly seed?: (twenty: SandboxTwenty) => void
}

/**
 * A shipped config as it runs: the whole daemon in this process, in virtual time, with a stand-in Twenty that sends
 * webhooks and a real mail server. Other systems are the test's; it gives their addresses in `env`. It all ends with the test.
 */
export async function useCaseBench(options: UseCaseOptions): Promise<UseCaseBench> {
  const clock = options.clock ?? new VirtualClock()
  const mail = await startMailServer()
  onTestFinished(() => mail.close())
  // Records that are there are older than the first poll looks back: otherwise it would give them as new.
  let ageMs = 3_600_000
  const itsClock = { now: () => clock.now() - ageMs, after: (ms: number, fire: () => void) => clock.after(ms, fire) }
  const faults = { rateLimit: { enabled: false } }
  const twenty = await startSandboxTwenty({ clock: itsClock, faults, ...options.twenty })
  onTestFinished(() => twenty.stop())
  addFields(twenty)
  options.seed?.(twenty)
  ageMs = 0
  const bench = new UseCaseBench(options, clock, twenty, mail)
  onTestFinished(() => bench.stop())
  await bench.start()
  return bench
}

function webhooksOf(twenty: SandboxTwenty): unknown[] {
  const headers = { authorization: `Bearer ${twenty.apiKey}` }
  return twenty.handle({ method: 'GET', url: '/rest/webhooks', headers }).body as unknown[]
}

export class UseCaseBench {
  readonly clock: VirtualClock
  readonly twenty: SandboxTwenty
  /** `mail.mails` is what came in. */
  readonly mail: MailServer
  readonly env: Environment
  /** Log lines of level warn and above. */
  readonly warnings: string[] = []
  readonly #options: UseCaseOptions
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #folder = tempFolder()
  #port = 0
  #calls = 0
  #daemon: Daemon | undefined
  #engine: WatchedEngine | undefined
  #isOnTheWay = false
  #place: string | undefined

  constructor(options: UseCaseOptions, clock: VirtualClock, twenty: SandboxTwenty, mail: MailServer) {
    this.#options = options
    this.clock = clock
    this.twenty = twenty
    this.mail = mail
    const write = (line: string) => void this.warnings.push(JSON.parse(line).msg)
    const real = createEnvironment({ logger: pino({ level: 'warn' }, { write }) })
    const http: Environment['http'] = request => this.#watched(real.http(request))
    this.env = { ...real, clock, random: () => 0.5, http }
  }

  /** Base of the intake. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get operations(): Operations {
    return this.#daemon!.operations
  }

  /** The first member of the workspace, at work in Twenty's own pages. */
  get user() {
    return this.twenty.asUser(String(this.twenty.members[0]!.id))
  }

  async start(): Promise<void> {
    this.#port ||= (await freePorts(1))[0]!
    const load = () => this.#load()
    const config = await load()
    this.#engine = await this.#options.engine.open(config, this.env)
    const starting = startDaemon({ config, load, env: this.env, engine: this.#engine })
    this.#daemon = await this.during(starting)
    const subscribes = [...config.systems.values()].some(({ config }) => config.registerWebhook === true)
    await this.until('Twenty knows the webhook', () => !subscribes || webhooksOf(this.twenty).length > 0)
    await this.until('all systems are ready, and Twenty was polled', async () => {
      const { connectors, systems } = await this.operations.status()
      const polled = connectors.filter(({ type, poll }) => type === 'twenty' && poll)
      return systems.every(({ ready }) => ready) && polled.every(({ poll }) => poll?.lastEndedAt !== undefined)
    })
    await this.settled()
  }

  /** Another process takes over; of the embedded engine's files. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async stop(): Promise<void> {
    const [daemon, engine] = [this.#daemon, this.#engine]
    this.#daemon = this.#engine = undefined
    if (daemon) await this.during(daemon.stop('the test is over'))
    if (engine) await this.during(engine.close())
  }

  /** Posts to the intake: text as JSON, forms as what they are. @returns the status. */
  async post(
    path: string,
    body: string | URLSearchParams | FormData,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    const type: Record<string, string> = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
    const answer = await this.during(fetch(this.url + path, { method: 'POST', headers: { ...type, ...headers }, body }))
    await this.during(answer.arrayBuffer())
    return answer.status
  }

  /** Twenty's webhooks so far, all of them or those of one event (`person.created`), come once more. */
  async redeliver(eventName?: string): Promise<void> {
    const deliveries = this.twenty.deliveries.filter(each => eventName === undefined || each.eventName === eventName)
    if (deliveries.length === 0) throw new Error(`Twenty has sent no webhook ${eventName ?? ''}`)
    for (const { url, body, headers } of [...deliveries]) {
      const { status } = await this.during(fetch(url, { method: 'POST', headers, body }))
      if (status >= 300) throw new Error(`a webhook that came again got ${status}`)
    }
    await this.settled()
  }

  /**
   * Resolves when no flow has anything to do but what is parked, collected or due later, no sync has a pair to bring to
   * rest, and Twenty has told of all that happened. Time goes on meanwhile, as far as somebody waits for it.
   */
  async settled(): Promise<void> {
    let rest = 0
    await this.until('all flows are at rest', async () => {
      rest = (await this.#isAtRest()) ? rest + 1 : 0
      return rest > 3
    })
  }

  /** Moves time on, and lets everything that falls due meanwhile be done. */
  async advance(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    while (this.clock.now() < end) {
      const left = end - this.clock.now()
      await this.clock.advance(Math.min(left, Math.max(1, this.clock.nextTimerIn ?? left)))
      await this.until('no call is under way', () => !this.#isBusy)
    }
    await this.settled()
  }

  /** Waits for a fact while time goes on. @throws Error naming it, with what the daemon had to say. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS
    let [seen, since, looks] = [this.#traffic, performance.now(), 0]
    while (!(await holds())) {
      const now = performance.now()
      if (now > deadline) throw new Error(`not so: ${what}\n${this.warnings.join('\n')}`)
      looks++
      if (seen !== this.#traffic) [seen, since, looks] = [this.#traffic, now, 0]
      // Time stands still while a call is under way: what that takes is not of the virtual clock.
      if (this.#engine?.isHeld || (this.#isBusy && now - since < STUCK_MS)) await settle(1)
      else await this.clock.advance(looks > 100 && now - since > QUIET_MS ? LONG_STEP_MS : STEP_MS)
    }
  }

  get #isBusy(): boolean {
    return this.#underWay.size > 0 || this.#engine?.isBusy === true || this.#isOnTheWay
  }

  /** Changes with all that comes in or goes out. */
  get #traffic(): number {
    return this.#calls + this.mail.traffic + this.twenty.calls.length + (this.#engine?.traffic ?? 0)
  }

  /** Waits for a promise while time goes on. */
  async during<T>(work: Promise<T>): Promise<T> {
    let over = false
    const end = () => {
      over = true
    }
    work.then(end, end)
    await this.until('what was begun has ended', () => over)
    return work
  }

  /** Open ones, oldest first. */
  async deadLetters(): Promise<DeadLetter[]> {
    const listed = await this.during(this.operations.listDeadLetters({ limit: 1000 }))
    return listed.map(({ letter }) => letter)
  }

  /** What became of all events, by flow. */
  async counts(): Promise<Record<string, { done: number; skipped: Readonly<Record<string, number>>; parked: number }>> {
    const { flows } = await this.during(this.operations.status())
    return Object.fromEntries(flows.map(({ name, done, skipped, parked }) => [name, { done, skipped, parked }]))
  }

  /** Length of what the state holds, as JSON, by key. */
  async stored(): Promise<Map<string, number>> {
    const stored = new Map<string, number>()
    for await (const { key, value } of this.#engine!.state.scan('')) stored.set(key, JSON.stringify(value).length)
    return stored
  }

  /** Calls to Twenty that wrote records. */
  writes(): { method: string; path: string }[] {
    return this.twenty.calls
      .filter(({ method, path }) => method !== 'GET' && !path.startsWith('/rest/metadata') && !/webhooks/.test(path))
      .map(({ method, path }) => ({ method, path }))
  }

  /** Everything that is in Twenty and that was mailed, to compare before and after: a redelivery changes nothing of it. */
  snapshot(objects = ['people', 'companies', 'opportunities', 'tasks', 'taskTargets', 'notes', 'noteTargets']): object {
    const rows = Object.fromEntries(objects.map(object => [object, structuredClone(this.twenty.rows(object))]))
    return { ...rows, mails: this.mail.mails.map(({ to, parsed }) => ({ to, subject: parsed.subject })) }
  }

  async #isAtRest(): Promise<boolean> {
    // Not awaited: a delivery may be waiting for time to go on.
    const told = await Promise.race([this.twenty.waitForDeliveries().then(() => true), settle(1).then(() => false)])
    if (!told) return false
    this.#isOnTheWay = false
    if (this.#isBusy || this.#engine?.inFlight) return false
    const { flows, syncs } = await this.operations.status()
    const isDone = [...flows, ...syncs].every(({ lag }) => lag === 0)
    // On the way to the flows, or waiting for its commit: neither needs time to go on.
    this.#isOnTheWay = !isDone && this.#engine?.inFlight === 0
    return isDone && syncs.every(({ matched, due, unasked }) => matched && due === 0 && !unasked?.waiting)
  }

  #watched<T>(call: Promise<T>): Promise<T> {
    this.#underWay.add(call)
    const over = () => {
      this.#calls++
      this.#underWay.delete(call)
    }
    call.then(over, over)
    return call
  }

  async #load(): Promise<Config> {
    const own = join(this.#folder, 'bench.yaml')
    this.#place ??= this.#options.engine.yaml(this.#folder)
    const server = `{ host: 127.0.0.1, port: ${this.#port}, publicUrl: "${this.url}" }`
    writeFileSync(own, `server: ${server}\n${this.#place}`)
    const env = {
      TWENTY_URL: this.twenty.url,
      TWENTY_API_KEY: this.twenty.apiKey,
      TWENTY_WEBHOOK_SECRET: 'bench-webhook-secret',
      SMTP_URL: this.mail.url,
      FORM_KEY: 'bench-form-key',
      ...this.#options.env,
    }
    return this.#patched(await loadConfig([join(ROOT, this.#options.config), own], { env }))
  }

  /** Limits that a test would wait for, and polls that would go on for ever while time passes, are not what it is about. */
  #patched(config: Config): Config {
    const patch = (system: string): Fields => {
      const isTwenty = config.systems.get(system)?.definition.type === 'twenty'
      return { ...(isTwenty && QUIET), ...this.#options.systems?.[system] }
    }
    const patched = <T extends { config: Fields }>(all: ReadonlyMap<string, T>, systemOf: (name: string) => string) =>
      new Map([...all].map(([name, one]) => [name, { ...one, config: { ...one.config, ...patch(systemOf(name)) } }]))
    return {
      ...config,
      systems: patched(config.systems, name => name),
      connectors: patched(config.connectors, name => config.connectors.get(name)!.system ?? name),
    }
  }
}
