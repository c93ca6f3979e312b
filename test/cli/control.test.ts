import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import pino from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectControl } from '../../src/cli/control-client.ts'
import { systemClock } from '../../src/environment/clock.ts'
import { SyncError } from '../../src/errors.ts'
import type { Operations } from '../../src/runtime/operations.ts'
import type { ReplayProgress } from '../../src/runtime/replay.ts'
import { type Control, startControl } from '../../src/server/control.ts'
import { type ControlAddress, controlFolder, readControlFile } from '../../src/server/control-file.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { until } from '../support/until.ts'
import { settle } from '../support/virtual-clock.ts'
import { fakeOperations } from './fake-shell.ts'

let ids = 0
const env = { clock: systemClock, uuid: () => `id-${++ids}`, logger: pino({ level: 'silent' }) }

interface Running {
  readonly control: Control
  readonly folder: string
  readonly address: ControlAddress
  readonly client: Operations
}

async function running(operations: Partial<Operations>): Promise<Running> {
  const folder = tempFolder()
  const all = fakeOperations(operations)
  const control = await startControl({ operations: () => all, folder, pid: process.pid, env })
  onTestFinished(() => control.close())
  const client = await connectControl(folder, systemClock)
  return { control, folder, address: readControlFile(folder)!, client: client! }
}

function post(address: ControlAddress, path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const all = { authorization: `Bearer ${address.token}`, ...headers }
    const sent = request(`${address.url}${path}`, { method: 'POST', headers: all, agent: false }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode!))
    })
    sent.on('error', reject)
    sent.end('{}')
  })
}

describe('the control channel', () => {
  it('answers every operation as the operation itself does', async () => {
    const asked: unknown[] = []
    const note = (answer: unknown) => async (query?: unknown) => {
      asked.push(query)
      return answer
    }
    const names = ['status', 'topics', 'listEvents', 'showEvent', 'pauseFlow', 'resumeFlow'] as const
    const letters = ['listDeadLetters', 'redriveDeadLetters', 'discardDeadLetters', 'trigger'] as const
    const fakes = Object.fromEntries([...names, ...letters].map((name, at) => [name, note({ at })]))
    const { client } = await running(fakes)
    const queries = {
      status: undefined,
      topics: undefined,
      listEvents: { topic: 't', limit: 3, from: { offsets: { 0: 5 } }, where: 'true' },
      showEvent: { id: 'x' },
      pauseFlow: { flow: 'f' },
      resumeFlow: { flow: 'f' },
      listDeadLetters: { flow: 'f', limit: 2, all: true },
      redriveDeadLetters: { flow: 'f', ids: ['a'], set: { email: 'x' } },
      discardDeadLetters: { flow: 'f', all: true, code: 'C' },
      trigger: { connector: 'c', data: { a: [1, null] } },
    }
    for (const [at, [name, query]] of Object.entries(queries).entries()) {
      const call = client[name as 'showEvent'] as (query: unknown) => Promise<unknown>
      expect(await call(query)).toEqual({ at })
    }
    expect(asked).toEqual(Object.values(queries))
  })

  it('throws what the operation throws', async () => {
    const error = new SyncError('rejected', 'NO_SUCH_EVENT', 'no event "x"', { details: { known: 3 } })
    const { client } = await running({ showEvent: () => Promise.reject(error) })
    const thrown = await client.showEvent({ id: 'x' }).catch((caught: unknown) => caught)
    expect(thrown).toBeInstanceOf(SyncError)
    expect(thrown).toMatchObject({
      kind: 'rejected',
      code: 'NO_SUCH_EVENT',
      message: 'no event "x"',
      details: { known: 3 },
    })
  })

  it('refuses arguments that the operation does not have', async () => {
    const { client } = await running({ showEvent: () => Promise.reject(new Error('must not be called')) })
    await expect(client.showEvent({ id: 7 } as unknown as { id: string })).rejects.toMatchObject({ code: 'BAD_QUERY' })
  })

  it('streams item by item, and says when it is over', async () => {
    const signal = new AbortController().signal
    const { client } = await running({
      async *replay() {
        for (let read = 1; read <= 3; read++) yield { read } as ReplayProgress
      },
    })
    const items: unknown[] = []
    for await (const item of client.replay({ flow: 'f', from: 'earliest' }, signal)) items.push(item)
    expect(items).toEqual([{ read: 1 }, { read: 2 }, { read: 3 }])
  })

  it('throws in the middle of a stream what the operation throws there', async () => {
    const { client } = await running({
      async *tailEvents() {
        yield { id: 'a' } as never
        throw new SyncError('retryable', 'LOG_UNAVAILABLE', 'the brokers are away')
      },
    })
    const seen: unknown[] = []
    const read = async () => {
      for await (const event of client.tailEvents({}, new AbortController().signal)) seen.push(event)
    }
    await expect(read()).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', kind: 'retryable' })
    expect(seen).toEqual([{ id: 'a' }])
  })

  it("aborts the operation's signal when the caller goes away", async () => {
    let aborted = false
    const { client } = await running({
      async *tailEvents(_query, signal) {
        yield { id: 'a' } as never
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
        aborted = signal.aborted
      },
    })
    const leaving = new AbortController()
    for await (const _ of client.tailEvents({}, leaving.signal)) leaving.abort()
    await until(() => aborted)
  })

  it('does not run ahead of a reader that is slow', async () => {
    let made = 0
    const bulk = 'x'.repeat(64 * 1024)
    const { client } = await running({
      async *tailEvents(_query, signal) {
        while (!signal.aborted && made < 2000) {
          made++
          yield { id: bulk } as never
          await new Promise(resolve => setImmediate(resolve))
        }
      },
    })
    const leaving = new AbortController()
    const reader = client.tailEvents({}, leaving.signal)[Symbol.asyncIterator]()
    await reader.next()
    // It makes one in each turn while it is let.
    await settle(3000)
    // Two socket buffers and the stream's own: a few MiB, not the 125 MiB that would come.
    expect(made).toBeLessThan(500)
    leaving.abort()
    await reader.return?.()
  })

  it('ends streams when the daemon stops, and says why', async () => {
    const { client, control, folder } = await running({
      async *tailEvents(_query, signal) {
        yield { id: 'a' } as never
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
      },
    })
    const read = async () => {
      for await (const _ of client.tailEvents({}, new AbortController().signal)) void control.close()
    }
    await expect(read()).rejects.toMatchObject({ code: 'STOPPING' })
    await control.close()
    expect(readControlFile(folder)).toBeUndefined()
  })

  it('lets in only who has the token, under its own name, and never a page in a browser', async () => {
    const { address } = await running({ status: async () => ({}) as never })
    const path = '/control/status'
    expect(await post(address, path)).toBe(200)
    expect(await post(address, path, { authorization: 'Bearer wrong' })).toBe(401)
    expect(await post(address, path, { authorization: '' })).toBe(401)
    expect(await post(address, path, { host: 'evil.example:80' })).toBe(403)
    expect(await post(address, path, { origin: 'https://evil.example' })).toBe(403)
    expect(await post(address, '/control/constructor')).toBe(404)
    expect(await post(address, '/')).toBe(404)
  })

  it('is written for this user alone, and tells another daemon of the same config apart', async () => {
    const { folder, control } = await running({})
    expect(statSync(join(folder, 'control.json')).mode & 0o777).toBe(0o600)
    const theirs = JSON.stringify({ url: 'http://127.0.0.1:1', token: 'theirs', pid: 1 })
    writeFileSync(join(folder, 'control.json'), theirs)
    await control.close()
    expect(readFileSync(join(folder, 'control.json'), 'utf8')).toBe(theirs)
  })

  it('takes a file left behind by a kill for what it is', async () => {
    const { folder, control, address } = await running({})
    await control.close()
    writeFileSync(join(folder, 'control.json'), JSON.stringify(address))
    expect(await connectControl(folder, systemClock)).toBeUndefined()
  })

  it('sends the token to this machine alone, whatever the file says', () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'control.json'), JSON.stringify({ url: 'http://evil.example', token: 't', pid: 1 }))
    expect(readControlFile(folder)).toBeUndefined()
  })

  it('lies in the data folder, else beside the config and apart for each log', () => {
    const files = ['/etc/sync/a.yaml']
    const kafka = (prefix: string, base?: string) =>
      controlFolder({ files, log: { type: 'kafka', brokers: ['b:9092'], prefix } as never }, base)
    expect(controlFolder({ files, log: { type: 'embedded', folder: '/data', prefix: 'p', retentionMs: 1 } })).toBe(
      '/data',
    )
    expect(kafka('one')).toMatch(/^\/etc\/sync\/\.twenty-sync\/[0-9a-f]{16}$/)
    expect(kafka('one')).not.toBe(kafka('two'))
    expect(kafka('one', '/var/run')).toMatch(/^\/var\/run\/\.twenty-sync\/[0-9a-f]{16}$/)
  })
})
