import pino from 'pino'
import { loadSdk } from '../clients/stripe/sdk.ts'
import { type Config, ConfigError, type SystemConfig } from '../config/config.ts'
import { inMemory } from '../config/in-memory.ts'
import { loadConfig } from '../config/load.ts'
import { VirtualClock } from '../environment/virtual-clock.ts'
import type { Environment } from '../environment.ts'
import { type Daemon, startDaemon } from '../runtime/daemon.ts'
import type { StatusReport } from '../runtime/operations.ts'
import type { InjectedAnswer, InjectedRequest } from '../server/server.ts'
import { Activity } from './activity.ts'
import { Network } from './network.ts'
import type { TestCase, TestFile } from './test-file.ts'
import { type SentMail, testRegistry } from './test-registry.ts'
import type { CreateWorkspace, Workspace } from './workspace.ts'

/** Where the world reaches the daemon. */
export const PUBLIC_URL = 'https://twenty-sync.test'
const WEBHOOK_SECRET = 'made-up-webhook-secret'

/** What has not come to rest by then never will: retries in place end after half a minute. */
const PATIENCE_MS = 600_000
/** The daemon starts before the case does, so that the case begins at the very second that it says. */
const START_MS = 60_000
/** What is given is older than any poll looks back, which would otherwise tell of it as new. */
const GIVEN_BEFORE_MS = 24 * 3_600_000

/** The daemon on a config, in virtual time, with all that is outside in this process. */
export class Bench {
  readonly config: Config
  readonly network: Network
  readonly mails: readonly SentMail[]
  readonly workspaces: ReadonlyMap<string, Workspace>
  readonly #clock: VirtualClock
  readonly #env: Environment
  readonly #activity: Activity
  #daemon: Daemon | undefined
  /** By the case's own account, in which what happens takes no time. */
  #now: number

  private constructor(parts: {
    config: Config
    network: Network
    mails: readonly SentMail[]
    clock: VirtualClock
    env: Environment
    activity: Activity
    now: number
    create: CreateWorkspace
  }) {
    this.config = parts.config
    this.network = parts.network
    this.mails = parts.mails
    this.#clock = parts.clock
    this.#env = parts.env
    this.#activity = parts.activity
    this.#now = parts.now
    this.workspaces = new Map(
      [...this.config.systems.values()]
        .filter(isTwenty)
        .map(system => [system.name, this.#workspaceOf(system, parts.create)]),
    )
  }

  /** @throws ConfigError */
  static async open(file: TestFile, { answers }: TestCase, create: CreateWorkspace): Promise<Bench> {
    const activity = new Activity()
    const mails: SentMail[] = []
    const registry = testRegistry({ activity, mails })
    const config = forTests(await loadConfig(file.configs, { env: file.variables, registry }))
    refuseDatabases(config)
    await preload(config)
    const network = new Network(config, answers, activity)
    const clock = new VirtualClock(file.now - START_MS - GIVEN_BEFORE_MS, () => activity.over())
    let ids = 0
    const env: Environment = {
      clock,
      random: () => 0.5,
      uuid: () => `00000000-0000-4000-8000-${(++ids).toString(16).padStart(12, '0')}`,
      http: request => network.exchange(request),
      logger: pino({ level: 'silent' }),
    }
    return new Bench({ config, network, mails, clock, env, activity, now: file.now, create })
  }

  /** Resolves when everything runs. @throws ConfigError with what the workspaces say against the config. */
  async start(): Promise<void> {
    await this.#clock.advance(GIVEN_BEFORE_MS)
    const load = () => Promise.resolve(this.config)
    this.#daemon = await this.#until(startDaemon({ config: this.config, load, env: this.#env, listen: false }))
    await this.rest()
    await this.#clock.advance(Math.max(0, this.#now - this.#clock.now()))
    await this.rest()
  }

  get operations(): Daemon['operations'] {
    return this.#daemon!.operations
  }

  get now(): number {
    return this.#clock.now()
  }

  uuid(): string {
    return this.#env.uuid()
  }

  inject(request: InjectedRequest): Promise<InjectedAnswer> {
    return this.#until(this.#inject(request))
  }

  /** Waits for the daemon's answer; time passes as far as it takes. */
  ask<T>(work: Promise<T>): Promise<T> {
    this.#activity.note()
    return this.#until(work)
  }

  async pass(ms: number): Promise<void> {
    this.#now = Math.max(this.#now, this.#now + ms)
    await this.#clock.advance(Math.max(0, this.#now - this.#clock.now()))
    await this.rest()
  }

  /** Resolves when no flow has anything to do now: what waits for a later try stays. */
  async rest(): Promise<StatusReport> {
    const end = this.#clock.now() + PATIENCE_MS
    for (;;) {
      await this.#clock.advance(0)
      const status = await this.#until(this.operations.status())
      const next = this.#clock.nextTimerIn
      if (isAtRest(status) || next === undefined || this.#clock.now() + next > end) return status
      await this.#clock.advance(next)
    }
  }

  async stop(): Promise<void> {
    if (this.#daemon) await this.#until(this.#daemon.stop('the case is over'))
  }

  async #inject(request: InjectedRequest): Promise<InjectedAnswer> {
    this.#activity.note()
    const answer = await this.#daemon!.inject(request)
    this.#activity.note()
    return answer
  }

  async #until<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const done = () => {
      isDone = true
    }
    work.then(done, done)
    const end = this.#clock.now() + PATIENCE_MS
    for (;;) {
      await this.#activity.over()
      const next = this.#clock.nextTimerIn
      if (isDone || next === undefined || this.#clock.now() + next > end) return work
      await this.#clock.advance(next)
    }
  }

  #workspaceOf({ config }: SystemConfig, create: CreateWorkspace): Workspace {
    const { clock, random, uuid } = this.#env
    const workspace = create({
      apiKey: String(config.apiKey),
      clock,
      random,
      uuid,
      send: async (url, headers, body) => {
        const { pathname, search } = new URL(url)
        return (await this.#inject({ method: 'POST', url: pathname + search, headers, body })).status
      },
    })
    this.network.addWorkspace(String(config.url), workspace)
    return workspace
  }
}

function isTwenty({ definition }: SystemConfig): boolean {
  return definition.type === 'twenty'
}

/** What the first call would load takes real time, of which the virtual one knows nothing. */
async function preload({ systems }: Config): Promise<void> {
  if ([...systems.values()].some(({ definition }) => definition.type === 'stripe')) await loadSdk()
}

/** @throws ConfigError: a database has no stand-in, and a case reaches nothing outside. */
function refuseDatabases(config: Config): void {
  const message = 'cases cannot run on a config with a Postgres system: nothing stands in for a database'
  const problems = [...config.systems.values()]
    .filter(({ definition }) => definition.type === 'postgres')
    .map(({ name }) => config.problemAt(['systems', name], 'not-testable', message))
  if (problems.length > 0) throw new ConfigError(problems)
}

/** Everything in memory; and Twenty tells of changes at once, as it does where its webhook is registered. */
function forTests(config: Config): Config {
  const told = <T extends { readonly config: SystemConfig['config'] }>(part: T): T => ({
    ...part,
    config: {
      webhookSecret: WEBHOOK_SECRET,
      ...part.config,
      registerWebhook: true,
      // No webhook is lost here, and what is tested is not how much Twenty takes.
      pollEvery: '1d',
      limits: { perMinute: 1_000_000, perSecond: 1_000_000 },
    },
  })
  const twenties = new Set([...config.systems.values()].filter(isTwenty).map(({ name }) => name))
  return {
    ...inMemory(config),
    systems: new Map([...config.systems].map(([name, each]) => [name, twenties.has(name) ? told(each) : each])),
    connectors: new Map(
      [...config.connectors].map(([name, each]) => [name, twenties.has(each.system ?? '') ? told(each) : each]),
    ),
    server: { ...config.server, publicUrl: config.server.publicUrl ?? PUBLIC_URL },
  }
}

function isAtRest({ flows, syncs }: StatusReport): boolean {
  return (
    flows.every(({ state, lag }) => state === 'stopped' || state === 'paused' || (state === 'running' && lag === 0)) &&
    syncs.every(({ state, lag, due, matched }) => state === 'stopped' || (matched && lag === 0 && due === 0))
  )
}
