import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SyncError } from '../src/errors.ts'
import { parseJson } from '../src/json.ts'

function codeOf(text: string | Buffer, limits = {}): string {
  try {
    parseJson(Buffer.from(text as string), limits)
  } catch (error) {
    expect(error).toBeInstanceOf(SyncError)
    expect((error as SyncError).status).toBe(400)
    return (error as SyncError).code
  }
  return 'parsed'
}

describe('parseJson', () => {
  it('gives what JSON.parse gives', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        if (/__proto__|constructor|\\u00/.test(text)) return
        expect(parseJson(Buffer.from(text))).toEqual(JSON.parse(text))
      }),
    )
  })

  it('refuses what is not JSON or not UTF-8', () => {
    expect(codeOf('{"a":')).toBe('INVALID_JSON')
    expect(codeOf('')).toBe('INVALID_JSON')
    expect(codeOf(Buffer.from([0x22, 0xff, 0x22]))).toBe('INVALID_ENCODING')
    expect(codeOf(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toBe('INVALID_ENCODING')
  })

  it('refuses what is nested too deep, whatever the strings inside hold', () => {
    expect(codeOf(`${'['.repeat(100)}${']'.repeat(100)}`)).toBe('parsed')
    expect(codeOf(`${'['.repeat(101)}${']'.repeat(101)}`)).toBe('TOO_DEEP')
    expect(codeOf('['.repeat(1_000_000))).toBe('TOO_DEEP')
    expect(codeOf(JSON.stringify({ text: '[{"\\'.repeat(500) }))).toBe('parsed')
  })

  it('refuses more keys than allowed', () => {
    const body = JSON.stringify(Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`k:${at}`, 'a:b'])))
    expect(codeOf(body, { maxKeys: 11 })).toBe('parsed')
    expect(codeOf(body, { maxKeys: 10 })).toBe('TOO_MANY_KEYS')
  })

  it('refuses every spelling of a key that reaches a prototype', () => {
    const spellings = ['__proto__', '\\u005f_proto__', '\\u005F\\u005Fproto\\u005f_', '__pr\\u006fto__']
    const wraps = ['{"K":{"polluted":1}}', '{"a":{"K":1}}', '[[{"K":null}]]', '{"a":"K","b":[{"K":[]}]}']
    for (const spelling of spellings)
      for (const wrap of wraps) expect(codeOf(wrap.replaceAll('K', spelling))).toBe('DANGEROUS_KEY')
    expect(codeOf('{"constructor":{"prototype":{"polluted":1}}}')).toBe('DANGEROUS_KEY')
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('leaves honest fields and texts of those names alone', () => {
    expect(parseJson(Buffer.from('{"constructor":"Ferrari","note":"__proto__"}'))).toEqual({
      constructor: 'Ferrari',
      note: '__proto__',
    })
  })
})
