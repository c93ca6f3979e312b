import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../src/environment/clock.ts'
import type { OpenedRedis } from '../../src/state/redis/open.ts'
import type { Field, Link } from '../../src/sync/link.ts'
import { LinkStore } from '../../src/sync/link-store.ts'
import { SyncKeys } from '../../src/sync/sync-keys.ts'
import { hashIn, openTestRedis, type RedisService, startRedis } from '../state/redis-support.ts'

let redis: RedisService
let opened: OpenedRedis
beforeAll(async () => {
  redis = await startRedis()
  opened = await openTestRedis(redis)
}, 120_000)
afterAll(async () => {
  await opened?.close()
  await redis?.stop()
})

const field = (time: string, from: 'left' | 'right'): Field => ({
  agreed: { value: 'x', at: Date.parse(time), from },
  left: {},
  right: {},
})

it('keeps the sync timestamps of a link as a hash that redis-cli HGETALL prints, in the commit of its row', async () => {
  const sync = `people-${randomUUID().slice(0, 8)}`
  const keys = new SyncKeys(sync)
  const store = new LinkStore({ state: opened.state, keys, clock: systemClock, random: () => 0.5 })
  const put = (change: (link: Link) => void) =>
    store.transact(async transaction => {
      const link = (await transaction.link('l1')) ?? { id: 'l1', fields: {}, agreement: 0 }
      change(link)
      await transaction.put(link, { due: false })
    })
  const times = () => hashIn(redis, `test:{sync/${sync}}:times:l1`)

  await put(({ fields }) => {
    fields.jobTitle = field('2026-11-24T10:00:00.250Z', 'left')
    fields['name.firstName'] = field('2026-11-24T10:00:01.000Z', 'right')
    fields.city = { left: {}, right: {} }
  })
  expect(await times()).toEqual({
    jobTitle: '2026-11-24T10:00:00.250Z left',
    'name.firstName': '2026-11-24T10:00:01.000Z right',
  })
  await put(({ fields }) => {
    fields.jobTitle = field('2026-11-24T10:00:09.000Z', 'right')
    delete fields['name.firstName']
  })
  expect(await times()).toEqual({ jobTitle: '2026-11-24T10:00:09.000Z right' })

  // Somebody else was faster: neither row nor times.
  let isFirst = true
  await store.transact(async transaction => {
    const link = (await transaction.link('l1'))!
    if (isFirst) await opened.state.commit([{ key: keys.link('l1'), value: { ...link, agreement: 7 } }])
    isFirst = false
    link.fields.jobTitle = field('2026-11-24T11:00:00.000Z', link.agreement === 7 ? 'left' : 'right')
    await transaction.put(link, { due: false })
  })
  expect(await times()).toEqual({ jobTitle: '2026-11-24T11:00:00.000Z left' })
  await put(link => {
    link.ended = { at: 1, why: 'deleted' }
  })
  expect(await times()).toBeUndefined()
})
