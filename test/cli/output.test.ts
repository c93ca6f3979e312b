import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLogger, prettyLine } from '../../src/cli/output/log-lines.ts'
import { createStyle } from '../../src/cli/output/style.ts'
import { table } from '../../src/cli/output/table.ts'
import { bytes, counted, cut, plain, rate, shortIds, widthOf, wrap } from '../../src/cli/output/text.ts'
import { duration, relative } from '../../src/cli/output/time.ts'
import { Redactor } from '../../src/runtime/redact.ts'

const out = { isTty: false, columns: undefined, write: async () => {} }
const plainStyle = createStyle(out, {})

describe('text', () => {
  it('measures what a terminal shows', () => {
    expect(['Ada', '東京', 'e\u0301', '👩', 'Ärger'].map(widthOf)).toEqual([3, 4, 1, 2, 5])
  })

  it('never cuts to more than the width, and leaves what fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, width) => {
        const short = cut(text, width)
        expect(widthOf(short)).toBeLessThanOrEqual(width)
        if (widthOf(text) <= width) expect(short).toBe(text)
      }),
    )
  })

  it('wraps between words and loses none', () => {
    expect(wrap('one two three four', 9)).toEqual(['one two', 'three', 'four'])
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }).map(word => word.replaceAll(' ', '_'))), words => {
        expect(wrap(words.join(' '), 10).join(' ')).toBe(words.join(' '))
      }),
    )
  })

  it('lets nothing steer the terminal', () => {
    expect(plain('a\u001b[2Jb\r\nc\u202ed\u0007')).toBe('a [2Jb c d ')
    fc.assert(fc.property(fc.string({ unit: 'binary' }), text => !/\p{Cc}/u.test(plain(text))))
  })

  it('tells ids apart by beginnings that are as short as can be', () => {
    const ids = ['3f2a9c1e-4b21', '3f2a9c1e-ffff', '9c41d2aa-0000', 'e1']
    expect(ids.map(shortIds(ids))).toEqual(['3f2a9c1e-4', '3f2a9c1e-f', '9c41d2aa', 'e1'])
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 20 })), many => {
        const short = many.map(shortIds(many))
        for (const [at, id] of short.entries()) {
          const others = many.filter(other => other !== many[at] && other.startsWith(id))
          // Only a whole id may begin another one: there is no more of it to give.
          if (others.length > 0) expect(id).toBe(many[at])
        }
      }),
    )
  })

  it('writes numbers as people do', () => {
    expect([0, 0.01, 0.4, 9.96, 12.4, 15_000].map(rate)).toEqual(['0/s', '0/s', '0.4/s', '10.0/s', '12/s', '15,000/s'])
    expect([0, 1023, 1024, 12_900_000, 5 * 1024 ** 4].map(bytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '12.3 MiB',
      '5.0 TiB',
    ])
    expect([counted(1, 'event'), counted(1204, 'event')]).toEqual(['1 event', '1,204 events'])
  })

  it('writes times as people do', () => {
    expect([0, 850, 12_000, 250_000, 3_600_000, 12_000_000, 446_400_000].map(duration)).toEqual([
      ...['0 ms', '850 ms', '12s', '4m 10s', '1h', '3h 20m', '5d 4h'],
    ])
    const now = Date.parse('2026-11-24T10:00:00.000Z')
    const at = (ms: number) => relative(now + ms, now)
    expect([0, -999, -12_000, 240_000, -3 * 86_400_000].map(at)).toEqual(['now', 'now', '12s ago', 'in 4m', '3d ago'])
  })
})

describe('table', () => {
  const columns = [
    { title: 'NAME', value: (row: string[]) => row[0]!, shrinks: true },
    { title: 'N', value: (row: string[]) => row[1]!, align: 'right' as const },
    { title: 'EMPTY', value: () => '' },
    { title: 'TEXT', value: (row: string[]) => row[2]!, shrinks: true },
  ]

  it('aligns, leaves empty columns out, and cuts nothing where nobody looks', () => {
    const rows = [
      ['a', '1', 'x'.repeat(150)],
      ['東京', '1,204', 'short'],
    ]
    expect(table(rows, columns, { width: undefined })).toBe(
      ['NAME      N  TEXT', `a         1  ${'x'.repeat(150)}`, '東京  1,204  short'].join('\n'),
    )
  })

  it('fits the terminal', () => {
    const texts = fc.tuple(fc.string({ maxLength: 200 }), fc.string({ maxLength: 5 }), fc.string({ maxLength: 200 }))
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1 }), fc.integer({ min: 40, max: 200 }), (rows, width) => {
        for (const line of table(
          rows.map(row => row.map(plain)),
          columns,
          { width },
        ).split('\n'))
          expect(widthOf(line)).toBeLessThanOrEqual(width)
      }),
    )
  })
})

describe('the log', () => {
  function logged(
    work: (logger: ReturnType<typeof createLogger>) => void,
    isTty = false,
    secrets: string[] = [],
  ): string {
    let text = ''
    const output = {
      isTty,
      columns: 100,
      async write(more: string) {
        text += more
      },
    }
    const redactor = new Redactor(secrets)
    work(createLogger({ output, style: plainStyle, level: 'info', redactor: () => redactor }))
    return text
  }

  it('is JSON, one line an event, with a level that people can read', () => {
    const [line, ...rest] = logged(logger => logger.info({ flow: 'leads' }, 'two\nlines')).split('\n')
    expect(JSON.parse(line!)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      flow: 'leads',
      msg: 'two\nlines',
    })
    expect(rest).toEqual([''])
  })

  it.each([false, true])('holds no secret, wherever it stands and however it is escaped (P9), terminal: %s', isTty => {
    const secrets = ['plain-secret', 'quo"ted\\secret', 'line\nbreak-secret']
    const text = logged(
      logger => {
        for (const secret of secrets) {
          logger.error(
            { err: new Error(`no ${secret}`), deep: { list: [secret] }, query: encodeURIComponent(secret) },
            secret,
          )
        }
      },
      isTty,
      secrets,
    )
    for (const secret of secrets) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain(JSON.stringify(secret).slice(1, -1))
      expect(text).not.toContain(encodeURIComponent(secret))
    }
    expect(text).toContain('[redacted]')
  })

  it('has a form for a terminal, which an event cannot forge', () => {
    const entry = {
      level: 'warn',
      time: '2026-11-24T10:00:00.123Z',
      msg: 'odd \u001b[2Jname\nforged',
      flow: 'leads',
      n: 2,
    }
    expect(prettyLine(entry, plainStyle)).toBe('10:00:00.123 warn  odd  [2Jname forged  flow=leads n=2')
  })
})
