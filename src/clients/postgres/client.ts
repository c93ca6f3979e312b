import type { Pool, PoolClient } from 'pg'
import { durationMs, type SystemContext } from '../../config/definition.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import { onAbort } from '../../on-abort.ts'
import { type BreakerState, CircuitBreaker } from '../circuit-breaker.ts'
import { ClockOffset } from '../clock-offset.ts'
import { Pace } from '../pace.ts'
import type { Table } from './column.ts'
import type { PostgresConfig, TableConfig } from './config.ts'
import { connectionOf } from './connection.ts'
import { describeTable } from './describe.ts'
import { errorOf } from './errors.ts'
import { listen } from './listen.ts'

export interface Call {
  readonly signal: AbortSignal
  /** Default `live`. */
  readonly priority?: 'live' | 'replay'
  /** Without an answer it may have had its effect. */
  readonly writes?: boolean
}

export interface Answer {
  /** Every value as the text that the server sent. */
  readonly rows: readonly (readonly (string | null)[])[]
  /** Rows that were read or written. */
  readonly count: number
}

/** Runs one statement, with its values as texts beside it. @throws SyncError of `errorOf`, `TIMEOUT`, `ABORTED`. */
export type Query = (text: string, values: readonly (string | null)[], call: Call) => Promise<Answer>

const MEASURE_EVERY_MS = 300_000
/** Beyond the server's own limit: it has said nothing at all. */
const GRACE_MS = 5000

/** One database: a pool of connections, shared by its sink and its connector. The driver is loaded by the first call. */
export class PostgresClient {
  readonly name: string
  readonly config: PostgresConfig
  readonly #context: Pick<SystemContext, 'name' | 'env'>
  readonly #pace: Pace
  readonly #breaker: CircuitBreaker
  readonly #offset = new ClockOffset(1)
  readonly #tables = new Map<string, Promise<Table>>()
  readonly #known = new Map<string, Table>()
  #pool: Promise<Pool> | undefined
  #measuredAt: number | undefined
  #running = 0

  constructor(config: PostgresConfig, context: Pick<SystemContext, 'name' | 'env'>) {
    const { name, env } = context
    this.name = name
    this.config = config
    this.#context = context
    this.#pace = new Pace({ system: name, clock: env.clock, concurrency: config.pool ?? 5 })
    this.#breaker = new CircuitBreaker({ name, clock: env.clock })
  }

  get breakerState(): BreakerState {
    return this.#breaker.state
  }

  /** Connections that no statement uses. */
  get idle(): number {
    return Math.max(0, (this.config.pool ?? 5) - this.#running)
  }

  /** How far the server's clock is ahead of ours; 0 while unknown. */
  clockOffsetMs(): number {
    return this.#offset.best?.offsetMs ?? 0
  }

  readonly query: Query = async (text, values, call) => {
    const run = () => this.#breaker.run(() => this.#once(text, values, call))
    try {
      return await this.#pace.run(call.priority ?? 'live', call.signal, run)
    } catch (thrown) {
      if (call.signal.aborted && !(thrown instanceof SyncError)) throw aborted(this.name, false)
      const error = asSyncError(thrown)
      if (error.code === 'POSTGRES_SCHEMA') this.#tables.clear()
      throw error
    }
  }

  /** @throws SyncError rejected `UNKNOWN_OBJECT`. */
  tableConfig(object: string): TableConfig {
    const { tables } = this.config
    if (Object.hasOwn(tables, object)) return tables[object]!
    const names = Object.keys(tables).join(', ')
    throw new SyncError('rejected', 'UNKNOWN_OBJECT', `${this.name} has no table "${object}"; there is ${names}`)
  }

  /** What the database says of the table; asked once, and again after it turned out to be different. */
  table(object: string, call: Call, refresh = false): Promise<Table> {
    if (refresh) this.#tables.delete(object)
    const known = this.#tables.get(object)
    if (known) return known
    const { config, name } = this
    const asked = describeTable({ system: name, config, settings: this.tableConfig(object) }, this.query, call)
    this.#tables.set(object, asked)
    asked.then(
      table => this.#known.set(object, table),
      () => this.#tables.delete(object),
    )
    return asked
  }

  /** The last that was told of the table; undefined before the first call. */
  knownTable(object: string): Table | undefined {
    return this.#known.get(object)
  }

  /** @see listen */
  async listen(channel: string, heard: (payload: string | undefined) => void, signal: AbortSignal): Promise<void> {
    const { env } = this.#context
    const { default: pg } = await import('pg')
    const connect = () => new pg.Client(connectionOf(this.name, this.config))
    await listen({ connect, channel, system: this.name, env }, heard, signal)
  }

  async close(): Promise<void> {
    const pool = this.#pool
    this.#pool = undefined
    await (await pool?.catch(() => undefined))?.end().catch(() => {})
  }

  async #once(text: string, values: readonly (string | null)[], call: Call): Promise<Answer> {
    this.#running++
    try {
      const connection = await this.#connect()
      let broken: Error | undefined
      const watch = (error: Error) => {
        broken = error
      }
      connection.on('error', watch)
      try {
        await this.#measure(connection)
        return await this.#exchange(connection, text, values, call)
      } catch (thrown) {
        const error = errorOf(this.name, thrown, call.writes ? 'writing' : 'reading')
        if (['ABORTED', 'TIMEOUT', 'CONNECTION_LOST'].includes(error.code)) broken = error
        throw error
      } finally {
        connection.off('error', watch)
        connection.release(broken ?? false)
      }
    } finally {
      this.#running--
    }
  }

  async #connect(): Promise<PoolClient> {
    try {
      this.#pool ??= this.#open()
      return await (await this.#pool).connect()
    } catch (thrown) {
      throw errorOf(this.name, thrown, 'connecting')
    }
  }

  async #open(): Promise<Pool> {
    const { default: pg } = await import('pg')
    const pool = new pg.Pool({ ...connectionOf(this.name, this.config), max: this.config.pool ?? 5 })
    // A connection that breaks while nobody uses it is dropped; the next call opens another.
    pool.on('error', () => {})
    return pool
  }

  #exchange(connection: PoolClient, text: string, values: readonly (string | null)[], call: Call): Promise<Answer> {
    const { clock } = this.#context.env
    const { signal, writes = false } = call
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(aborted(this.name, false))
      const deaf = onAbort(signal, () => reject(aborted(this.name, writes)))
      const timeoutMs = durationMs(this.config.timeout ?? '30s') + GRACE_MS
      const cancel = clock.after(timeoutMs, () => reject(this.#silent(timeoutMs, writes)), { background: true })
      const query = { text, values: [...values], rowMode: 'array' as const, types: { getTypeParser: () => asText } }
      connection
        .query<(string | null)[]>(query)
        .then(({ rows, rowCount }) => resolve({ rows, count: rowCount ?? rows.length }), reject)
        .finally(() => {
          deaf()
          cancel()
        })
    })
  }

  async #measure(connection: PoolClient): Promise<void> {
    const { clock } = this.#context.env
    if (this.#measuredAt !== undefined && clock.elapsed() - this.#measuredAt < MEASURE_EVERY_MS) return
    this.#measuredAt = clock.elapsed()
    const sentAt = clock.now()
    const { rows } = await connection.query<{ ms: string }>('select extract(epoch from clock_timestamp()) * 1000 as ms')
    this.#offset.measure(new Date(Math.floor(Number(rows[0]?.ms))).toISOString(), sentAt, clock.now())
  }

  #silent(timeoutMs: number, writes: boolean): SyncError {
    const message = `${this.name}: no answer within ${timeoutMs / 1000} s`
    return new SyncError('retryable', 'TIMEOUT', message, { outcomeUnknown: writes })
  }
}

function asText(value: string): string {
  return value
}

function aborted(system: string, outcomeUnknown: boolean): SyncError {
  return new SyncError('retryable', 'ABORTED', `${system}: the call was given up`, { outcomeUnknown })
}
