import { describe, expect, it, onTestFinished } from 'vitest'
import { Database } from '../../src/embedded/database.ts'
import { GroupCommit, type Work } from '../../src/embedded/group-commit.ts'
import { databaseError } from '../../src/embedded/sqlite-error.ts'
import { tempFolder } from '../support/temp-folder.ts'

async function openWriter() {
  const folder = tempFolder()
  const database = await Database.openForWriting(folder)
  onTestFinished(() => database.close())
  database.exec('CREATE TABLE numbers (n INTEGER NOT NULL UNIQUE, bytes BLOB)')
  const insert = database.prepare('INSERT INTO numbers VALUES (?, ?)')
  const writer = new GroupCommit(database)
  const work = (n: number, bytes = 0): Work<number> => ({
    rows: 1,
    unavailable: 'LOG_UNAVAILABLE',
    apply: () => {
      insert.run(n, Buffer.alloc(bytes))
      return writer.transaction
    },
  })
  const numbers = () =>
    (database.prepare('SELECT n FROM numbers ORDER BY rowid').all() as { n: number }[]).map(row => row.n)
  return { folder, database, writer, work, numbers }
}

describe('group commit', () => {
  it('puts what comes in one turn into one transaction, in order', async () => {
    const { writer, work, numbers } = await openWriter()
    const transactions = await Promise.all([3, 1, 2].map(n => writer.submit(work(n))))
    expect(new Set(transactions).size).toBe(1)
    expect(numbers()).toEqual([3, 1, 2])
  })

  it('takes along what comes in while the sockets are read once more', async () => {
    const { writer, work, numbers } = await openWriter()
    const first = writer.submit(work(1))
    await new Promise(resolve => setImmediate(resolve))
    expect(await Promise.all([first, writer.submit(work(2))])).toEqual([1, 1])
    expect(numbers()).toEqual([1, 2])
  })

  it('lets the event loop have its turn after 200 rows', async () => {
    const { writer, work, numbers } = await openWriter()
    const transactions = await Promise.all(Array.from({ length: 1000 }, (_, n) => writer.submit(work(n))))
    expect(new Set(transactions).size).toBe(5)
    expect(numbers()).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  })

  it('P1: a write that cannot be done takes nobody else with it', async () => {
    const { writer, work, numbers } = await openWriter()
    await writer.submit(work(2))
    const outcomes = await Promise.allSettled([1, 2, 3, 3, 4].map(n => writer.submit(work(n))))
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(numbers()).toEqual([2, 1, 3, 4])
  })

  it('P1: has committed before it says so: another connection sees it', async () => {
    const { folder, writer, work } = await openWriter()
    const reader = await Database.openForReading(folder)
    onTestFinished(() => reader.close())
    const count = reader.prepare('SELECT count(*) AS count FROM numbers')
    for (let n = 1; n <= 20; n++) {
      await writer.submit(work(n))
      expect(count.get()).toEqual({ count: n })
    }
  })

  it('calls a full disk LOG_FULL, for those whom it hits, and goes on when there is room', async () => {
    const { database, writer, work, numbers } = await openWriter()
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number }
    database.exec(`PRAGMA max_page_count = ${pages + 3}`)
    const [large, small] = await Promise.allSettled([writer.submit(work(1, 100_000)), writer.submit(work(2))])
    expect(large).toMatchObject({ status: 'rejected', reason: { kind: 'fatal', code: 'LOG_FULL' } })
    expect(small.status).toBe('fulfilled')
    database.exec('PRAGMA max_page_count = 100000')
    await writer.submit(work(3, 100_000))
    expect(numbers()).toEqual([2, 3])
  })

  it('finishes what was submitted before it was closed, and refuses more', async () => {
    const { writer, work, numbers } = await openWriter()
    const submitted = Promise.all(Array.from({ length: 500 }, (_, n) => writer.submit(work(n))))
    await writer.close()
    expect(numbers()).toHaveLength(500)
    await submitted
    await expect(writer.submit(work(1000))).rejects.toMatchObject({ kind: 'retryable', code: 'LOG_UNAVAILABLE' })
  })
})

describe('an error of SQLite', () => {
  const failure = (errcode: number) => Object.assign(new Error('disk'), { errcode })

  it('is fatal when nothing can be written any more', () => {
    expect(databaseError(failure(13), 'LOG_UNAVAILABLE')).toMatchObject({ kind: 'fatal', code: 'LOG_FULL' })
    expect(databaseError(failure(11), 'LOG_UNAVAILABLE')).toMatchObject({ kind: 'fatal', code: 'LOG_DAMAGED' })
  })

  it('may pass when the disk had an error, whatever the details', () => {
    const SQLITE_IOERR_FSYNC = 10 | (4 << 8)
    expect(databaseError(failure(SQLITE_IOERR_FSYNC), 'STATE_UNAVAILABLE')).toMatchObject({
      kind: 'retryable',
      code: 'STATE_UNAVAILABLE',
    })
  })

  it('is told from a defect of ours', () => {
    const defect = new TypeError('not a function')
    expect(databaseError(defect, 'LOG_UNAVAILABLE')).toBe(defect)
  })
})
