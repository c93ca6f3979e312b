import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Embedded, openEmbedded } from '../../src/embedded/open.ts'
import { systemClock as clock } from '../../src/environment/clock.ts'
import { Child } from '../support/child.ts'
import { tempFolder } from '../support/temp-folder.ts'

describe('the folder of the embedded engine', () => {
  it('is refused at once to a second opener, naming the process that has it', async () => {
    const folder = tempFolder()
    const holder = new Child('embedded-holder.ts', [folder])
    holder.say('open')
    await holder.line(line => line === 'opened')
    await expect(openEmbedded({ folder, clock })).rejects.toMatchObject({
      kind: 'fatal',
      code: 'FOLDER_LOCKED',
      message: expect.stringContaining(`process ${holder.pid}`),
    })
  })

  it('says so where it cannot be made, or is no folder for a database', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'taken/lock.sqlite'), { recursive: true })
    for (const name of ['file/data', 'taken']) {
      await expect(openEmbedded({ folder: join(folder, name), clock })).rejects.toMatchObject({
        kind: 'fatal',
        code: 'FOLDER_UNUSABLE',
        message: expect.stringMatching(/^the data folder \S+ cannot be used: .*log\.folder/),
      })
    }
  })

  it('is refused to a second opener in the same process', async () => {
    const folder = tempFolder()
    const { close } = await openEmbedded({ folder, clock })
    await expect(openEmbedded({ folder, clock })).rejects.toMatchObject({ code: 'FOLDER_LOCKED' })
    // The refused one must not have taken the lock away with it.
    await expect(openEmbedded({ folder, clock })).rejects.toMatchObject({ code: 'FOLDER_LOCKED' })
    await close()
    const next = await openEmbedded({ folder, clock })
    await next.close()
  })

  it('is taken over at once after kill -9', async () => {
    const folder = tempFolder()
    for (let round = 0; round < 2; round++) {
      const holder = new Child('embedded-holder.ts', [folder])
      holder.say('open')
      await holder.line(line => line === 'opened')
      await holder.kill()
      expect(existsSync(join(folder, 'pid'))).toBe(true)
    }
    const { close } = await openEmbedded({ folder, clock })
    await close()
    expect(existsSync(join(folder, 'pid'))).toBe(false)
  })

  it('is not believed to be taken because of a pid that is in use by somebody else', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'pid'), String(process.ppid))
    const { close } = await openEmbedded({ folder, clock })
    await close()
  })

  it('goes to exactly one of many who open it at the same time', async () => {
    const folder = tempFolder()
    const children = Array.from({ length: 4 }, () => new Child('embedded-holder.ts', [folder]))
    await Promise.all(children.map(child => child.line(line => line === 'ready')))
    for (const child of children) child.say('open')
    const own = Promise.allSettled(Array.from({ length: 5 }, () => openEmbedded({ folder, clock })))
    const answers = await Promise.all(children.map(child => child.line(line => line !== 'ready')))
    const opened = (await own).filter((each): each is PromiseFulfilledResult<Embedded> => each.status === 'fulfilled')
    for (const { value } of opened) await value.close()
    expect(answers.filter(answer => answer === 'opened').length + opened.length).toBe(1)
    expect(answers.filter(answer => answer.startsWith('refused FOLDER_LOCKED'))).toHaveLength(
      children.length - (opened.length === 1 ? 0 : 1),
    )
  })
})
