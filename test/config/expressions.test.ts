import { describe, expect, it } from 'vitest'
import { linesOf, load } from './support.ts'

describe('expressions', () => {
  it('names domains of free mail', async () => {
    expect((await load('')).config.freeMail).toEqual([])
    const { config } = await load('expressions: { freeMail: [mailbox.example, students.example] }\n')
    expect(config.freeMail).toEqual(['mailbox.example', 'students.example'])
  })

  it('takes domains only', async () => {
    expect(await linesOf('expressions:\n  freeMail: [me@mailbox.example]\n')).toHaveLength(1)
  })
})
