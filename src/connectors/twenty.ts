import type { TwentyClient } from '../clients/twenty/client.ts'
import { TwentyConfig } from '../clients/twenty/config.ts'
import { recordShape } from '../clients/twenty/shape.ts'
import { verifyNewest } from '../clients/twenty/verify-newest.ts'
import { bytesOf, type ConnectorContext, defineConnector, durationMs } from '../config/definition.ts'
import { asSyncError } from '../errors.ts'
import type { Shape } from '../shape.ts'
import type { Connector, IncomingRequest, Page, Received, SourceUse } from './connector.ts'
import { KnownRecords } from './known-records.ts'
import { cursorFrom } from './twenty/cursor.ts'
import { IdWalk } from './twenty/id-walk.ts'
import { pollChanges } from './twenty/poll.ts'
import { Receiver } from './twenty/receive.ts'
import { registerWebhook } from './twenty/register.ts'
import { verifySource } from './twenty/verify.ts'

export default defineConnector({
  type: 'twenty',
  summary: 'Changes of the records of a Twenty workspace: by webhook, with polls as the net under it.',
  system: 'twenty',
  config: TwentyConfig,
  examples: [
    {
      title: 'Registers its own webhook',
      yaml: '{ type: twenty, url: "${TWENTY_URL}", apiKey: "${TWENTY_API_KEY}", webhookSecret: "${TWENTY_WEBHOOK_SECRET}", registerWebhook: true }',
    },
    {
      title: 'Polls only',
      yaml: '{ type: twenty, url: "${TWENTY_URL}", apiKey: "${TWENTY_API_KEY}", pollEvery: 30s }',
    },
  ],
  create: (config, context) => new TwentyConnector(config, context),
})

class TwentyConnector implements Connector {
  readonly objects: readonly string[]
  readonly route: NonNullable<Connector['route']>
  readonly pollEveryMs: number
  readonly #config: TwentyConfig
  readonly #context: ConnectorContext
  readonly #client: TwentyClient
  readonly #records: KnownRecords
  readonly #receiver: Receiver
  #idWalk: IdWalk | undefined

  constructor(config: TwentyConfig, context: ConnectorContext) {
    const { name, env, state, objects } = context
    this.#config = config
    this.#context = context
    this.#client = context.client as TwentyClient
    this.#records = new KnownRecords(name, state, env.clock)
    this.#receiver = new Receiver(config, context, this.#records)
    this.objects = objects
    this.pollEveryMs = durationMs(config.pollEvery ?? '1m')
    this.route = {
      path: config.webhookPath ?? `/hooks/${name}`,
      methods: ['POST'],
      bodyLimitBytes: bytesOf(config.webhookBodyLimit ?? '1MiB'),
    }
  }

  receive(request: IncomingRequest): Promise<Received> {
    return this.#receiver.receive(request)
  }

  async *poll(cursor: unknown, signal: AbortSignal): AsyncGenerator<Page> {
    let last = cursor
    const changes = pollChanges({ ...this.#parts(), ...this.#pollConfig() }, cursor, signal)
    for await (const page of changes) {
      last = page.cursor
      yield page
    }
    yield* this.#findDestroyed(last, signal)
  }

  verify(uses: readonly SourceUse[], signal: AbortSignal): Promise<void> {
    return verifyNewest(uses, this.#client, signal, (use, schema) => verifySource(use, this.#context.name, schema))
  }

  async shape(name: string, signal: AbortSignal): Promise<Shape | undefined> {
    const object = (await this.#client.schemas.get({ signal })).objects.get(name)
    return object && recordShape(object)
  }

  async check(signal: AbortSignal): Promise<void> {
    const { env, name, publicUrl } = this.#context
    const { registerWebhook: register, unsigned, webhookSecret } = this.#config
    if (!webhookSecret && !unsigned) {
      env.logger.info({ connector: name }, `${name} has no webhookSecret: it takes no webhooks and lives by its polls`)
    }
    if (!register) return
    try {
      const { path } = this.route
      const registration = { client: this.#client, publicUrl, path, objects: this.objects, secret: webhookSecret }
      await registerWebhook(registration, signal)
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (error.code !== 'TWENTY_AUTH') throw error
      // Not worth stopping for: the polls bring the same events, only later.
      const advice = 'give the role of the API key the right "API keys & webhooks", or make the webhook by hand'
      env.logger.warn({ connector: name, code: error.code }, `${name}: the webhook cannot be registered; ${advice}`)
    }
  }

  close(): Promise<void> {
    return this.#records.flush()
  }

  async *#findDestroyed(cursor: unknown, signal: AbortSignal): AsyncGenerator<Page> {
    const { env } = this.#context
    const known = cursorFrom(cursor)
    const everyMs = durationMs(this.#config.findDestroyedEvery ?? '24h')
    // The first walk of the records has just learnt all ids.
    const walkedAt = known.idsWalkedAt
    if (walkedAt !== undefined && env.clock.now() - walkedAt < everyMs) return
    if (walkedAt !== undefined) {
      const schema = await this.#client.schemas.get({ signal })
      this.#idWalk ??= new IdWalk({ ...this.#parts(), guardPercent: this.#config.destroyedGuard ?? 10 })
      for await (const { events, notes } of this.#idWalk.step(schema, signal)) yield { events, cursor: known, notes }
      if (!this.#idWalk.done) return
      this.#idWalk = undefined
    }
    yield { events: [], cursor: { ...known, idsWalkedAt: env.clock.now() } }
  }

  #parts() {
    const { env, name, objects } = this.#context
    return { system: name, client: this.#client, records: this.#records, env, objects }
  }

  #pollConfig() {
    return { overlapMs: durationMs(this.#config.pollOverlap ?? '2m'), snapshot: this.#config.snapshot ?? false }
  }
}
