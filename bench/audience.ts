import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseDocument } from 'yaml'
import { startSandboxMail } from '../sandbox/mail/server.ts'
import { type SandboxNewsletter, startSandboxNewsletter } from '../sandbox/newsletter/server.ts'
import { type SandboxTwenty, startSandboxTwenty } from '../sandbox/twenty/server.ts'
import { addFields } from '../sandbox/workspace.ts'
import { cliCommand, ROOT } from '../scripts/stack/daemon-process.ts'
import { BenchDaemon } from './lib/daemon.ts'
import { type Usage, usageOf } from './lib/process.ts'
import type { BenchResult } from './lib/result.ts'
import { interleaved, type Measured } from './lib/rounds.ts'
import { withServers } from './lib/servers.ts'
import { type BenchOptions, told } from './options.ts'

const PEOPLE = 50_000
const PER_SEED = 1000
/** One in so many has unsubscribed. */
const GONE = 100
/** Share of members whom the platform does not take at first. */
const FAILING = 0.01
const SAMPLE_MS = 250
const DEADLINE_MS = 10 * 60_000
const GROWTH_LIMIT_MB = 64

/** The shipped newsletter over a large view: how fast, and whether the daemon's memory stays level. */
export function audience(options: BenchOptions): Promise<BenchResult> {
  return measured('audience', options)
}

/** The same on Kafka and Redis. */
export function audienceOnKafka(options: BenchOptions): Promise<BenchResult> {
  const prefix = `bench${Date.now().toString(36)}`
  return withServers(servers => measured('audience-kafka', options, servers.yaml(prefix)))
}

async function measured(name: string, options: BenchOptions, engine?: string): Promise<BenchResult> {
  const people = options.events ?? PEOPLE
  const seen = { growthMb: 0, faults: [] as string[], calls: 0 }
  const peers = await interleaved(1, { 'twenty-sync': () => one(people, seen, engine) }, told)
  return {
    name,
    what: 'config/newsletter-audience.yaml, people a second; RSS of the daemon',
    spec: { people, unsubscribed: 1 / GONE, failing: FAILING },
    peers,
    goal: `at most ${GROWTH_LIMIT_MB} MB more near the end than at 30 %, everybody once, nobody who has left`,
    reached: seen.growthMb <= GROWTH_LIMIT_MB && seen.faults.length === 0,
    void: seen.faults.length > 0,
    notes: [
      `RSS ${Math.round(seen.growthMb)} MB more near the end than at 30 %`,
      `${seen.calls} calls to the platform`,
      ...seen.faults,
    ],
  }
}

type Seen = { growthMb: number; faults: string[]; calls: number }

async function one(people: number, seen: Seen, engine?: string): Promise<Measured> {
  const twenty = await startSandboxTwenty({ faults: { rateLimit: { enabled: false } } })
  const platform = await startSandboxNewsletter({ faults: { failItemRate: FAILING } })
  const mail = await startSandboxMail()
  const folder = await mkdtemp(join(tmpdir(), 'twenty-sync-audience-'))
  const daemon = await BenchDaemon.prepare({
    config: relative(join(ROOT, 'bench/config'), await withoutPace(folder)),
    ...(engine && { engine }),
    env: {
      TWENTY_URL: twenty.url,
      TWENTY_API_KEY: twenty.apiKey,
      NEWSLETTER_URL: platform.url,
      NEWSLETTER_KEY: platform.key,
      SMTP_URL: mail.url,
    },
  })
  try {
    seed(twenty, platform, people)
    await daemon.start()
    const started = performance.now()
    launch(daemon)
    const samples = await watched(daemon, platform, twenty, people)
    const seconds = (performance.now() - started) / 1000
    judge(seen, samples, platform, twenty, people)
    const last = samples.at(-1)!
    return { value: people / seconds, cpuMicrosecondsPerEvent: (last.cpuSeconds / people) * 1e6, rssMb: last.peakRssMb }
  } finally {
    await daemon.remove()
    await Promise.all([twenty.stop(), platform.stop(), mail.stop(), rm(folder, { recursive: true, force: true })])
  }
}

/** The shipped config without the limits that real systems have: they would be what is measured. */
async function withoutPace(folder: string): Promise<string> {
  const config = parseDocument(await readFile(join(ROOT, 'config/newsletter-audience.yaml'), 'utf8'))
  config.setIn(['systems', 'twenty', 'limits'], { perMinute: 1_000_000, perSecond: 100_000 })
  config.deleteIn(['systems', 'platform', 'limits'])
  const file = join(folder, 'newsletter.yaml')
  await writeFile(file, String(config))
  return file
}

function seed(twenty: SandboxTwenty, platform: SandboxNewsletter, people: number): void {
  addFields(twenty)
  for (let first = 0; first < people; first += PER_SEED) {
    const some = Array.from({ length: Math.min(PER_SEED, people - first) }, (_, at) => ({
      name: { firstName: 'Person', lastName: String(first + at) },
      emails: { primaryEmail: emailOf(first + at) },
      jobTitle: 'Reader',
    }))
    twenty.seed('people', some)
  }
  const filters = [{ field: 'jobTitle', operand: 'CONTAINS', value: 'Reader' }]
  twenty.addView({ object: 'people', name: 'Newsletter', filters })
  for (let n = 0; n < people; n += GONE) {
    const email = emailOf(n)
    const gone = {
      id: `gone-${n}`,
      audience: 'newsletter',
      email,
      status: 'unsubscribed',
      fields: {},
      tags: [],
    } as const
    platform.stores.subscribers.set(`newsletter/${email}`, gone)
  }
}

const emailOf = (n: number) => `person.${n}@example.com`

function launch(daemon: BenchDaemon): void {
  const [command, ...args] = cliCommand()
  const data = JSON.stringify({ view: 'Newsletter', campaign: 'Spring' })
  const configs = daemon.configs.flatMap(file => ['--config', file])
  execFileSync(command!, [...args, 'trigger', 'newsletter', '--data', data, ...configs], {
    cwd: ROOT,
    env: { ...process.env, ...daemon.env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

/** Samples until the campaign is recorded. */
async function watched(daemon: BenchDaemon, platform: SandboxNewsletter, twenty: SandboxTwenty, people: number) {
  const samples: Usage[] = []
  const deadline = performance.now() + DEADLINE_MS
  let tenths = 0
  while (twenty.rows('campaigns').length === 0) {
    if (performance.now() > deadline) throw new Error(`not done in time\n${daemon.log.join('\n')}`)
    samples.push(usageOf(daemon.pid))
    const { size } = platform.stores.subscribers
    for (; tenths < Math.floor((size / people) * 10); tenths++) console.error(`    ${tenths + 1}0 %`)
    await sleep(SAMPLE_MS)
  }
  return samples
}

function judge(
  seen: Seen,
  samples: readonly Usage[],
  platform: SandboxNewsletter,
  twenty: SandboxTwenty,
  people: number,
): void {
  const at = (share: number) => samples[Math.floor((samples.length - 1) * share)]!.rssMb
  seen.growthMb = at(0.95) - at(0.3)
  seen.calls = platform.calls.length
  const all = [...platform.stores.subscribers.values()]
  const gone = all.filter(({ status }) => status === 'unsubscribed').length
  const expected = Math.ceil(people / GONE)
  if (all.length !== people) seen.faults.push(`${all.length} of ${people} are at the platform`)
  if (gone !== expected) seen.faults.push(`${expected - gone} who had left are back`)
  const [campaign] = twenty.rows('campaigns')
  if (campaign?.people !== people || campaign.subscribed !== people - expected)
    seen.faults.push(`the campaign says ${campaign?.subscribed} of ${campaign?.people}`)
}
