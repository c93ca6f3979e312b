import { describe, expect, it } from 'vitest'
import type { Fields } from '../../src/event.ts'
import { createConnector, post } from './webhook-support.ts'

const FORM = 'application/x-www-form-urlencoded'
const connector = createConnector({ verify: 'none', accept: ['json', 'form', 'multipart'] })

async function send(body: string | Buffer, contentType?: string): Promise<Fields | string> {
  try {
    return (await connector.receive!(post(body, { 'content-type': contentType }))).events[0]!.data
  } catch (error) {
    const { kind, status, code } = error as { kind?: string; status?: number; code?: string }
    expect(kind).toBe('rejected')
    return `${status} ${code}`
  }
}

describe('JSON', () => {
  it.each([
    undefined,
    'application/json',
    'Application/JSON; charset=UTF-8',
    'application/cloudevents+json',
    'text/json',
  ])('is what %s means', async contentType => {
    expect(await send('{"a":1}', contentType)).toEqual({ a: 1 })
  })

  it.each([
    'text/plain',
    'application/xml',
    'application/json; charset=utf-16',
    'application/json; charset="latin1"',
    'nonsense',
    '',
  ])('is not what %s means', async contentType => {
    expect(await send('{"a":1}', contentType)).toBe('415 UNSUPPORTED_MEDIA_TYPE')
  })

  it.each([
    ['', '400 INVALID_JSON'],
    ['{"a":}', '400 INVALID_JSON'],
    ['{"a":NaN}', '400 INVALID_JSON'],
    ['{"a":1}x', '400 INVALID_JSON'],
    ["{'a':1}", '400 INVALID_JSON'],
    ['null', '400 NOT_AN_OBJECT'],
    ['"text"', '400 NOT_AN_OBJECT'],
    ['[]', '400 NOT_AN_OBJECT'],
    ['12', '400 NOT_AN_OBJECT'],
    ['\ufeff{"a":1}', '400 INVALID_ENCODING'],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), '400 INVALID_ENCODING'],
    [Buffer.from('{"a":1}', 'utf16le'), '400 INVALID_JSON'],
    ['{"a":'.repeat(100_000), '400 TOO_DEEP'],
    [`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, '400 TOO_DEEP'],
    ['{"__proto__":{"polluted":true}}', '400 DANGEROUS_KEY'],
  ])('refuses %.20s', async (body, refusal) => {
    expect(await send(body)).toBe(refusal)
    expect(({} as Fields).polluted).toBeUndefined()
  })
})

describe('urlencoded', () => {
  it('gives names and values; a repeated name gives a list', async () => {
    const body = 'name=Ada+L%C3%B6velace&tag=a&tag=b&one%5B%5D=1&empty=&flag&&x=1%3D2'
    expect(await send(body, `${FORM}; charset=utf-8`)).toEqual({
      name: 'Ada Lövelace',
      tag: ['a', 'b'],
      one: ['1'],
      empty: '',
      flag: '',
      x: '1=2',
    })
    expect(await send('', FORM)).toEqual({})
  })

  it.each([
    ['a=%', '400 INVALID_FORM'],
    ['a=%FF', '400 INVALID_FORM'],
    ['=1', '400 INVALID_FORM'],
    ['__proto__=1', '400 INVALID_FORM'],
    ['__proto__[]=1', '400 INVALID_FORM'],
    [Buffer.from([0x61, 0x3d, 0xff]), '400 INVALID_ENCODING'],
    ['a=1&'.repeat(1001), '400 INVALID_FORM'],
  ])('refuses %.20s', async (body, refusal) => {
    expect(await send(body, FORM)).toBe(refusal)
  })

  it('does not lose what comes after many empty pairs', async () => {
    expect(await send(`${'&'.repeat(5000)}a=1`, FORM)).toEqual({ a: '1' })
  })

  it('has fields that look like inherited ones', async () => {
    expect(await send('constructor=1&toString=2&hasOwnProperty=3', FORM)).toEqual({
      constructor: '1',
      toString: '2',
      hasOwnProperty: '3',
    })
  })
})

describe('multipart', () => {
  const part = (headers: string, content: string) => `--XX\r\n${headers}\r\n\r\n${content}\r\n`
  const field = (name: string, content: string) => part(`Content-Disposition: form-data; name="${name}"`, content)
  const type = 'multipart/form-data; boundary=XX'

  it('gives texts, and of files name, type and size', async () => {
    const body = [
      'a preamble\r\n',
      field('name', 'Ada\r\nLövelace'),
      field('tag', 'a'),
      field('tag', 'b'),
      part(
        'content-type: image/png\r\ncontent-disposition: form-data; name="photo"; filename="C:\\pics\\me %22x%22.png"',
        '12345',
      ),
      part('Content-Disposition: form-data; name=none; filename=""', ''),
      part('Content-Disposition: form-data;\r\n name="cv"; filename*=UTF-8\'\'r%C3%A9sum%C3%A9.pdf', 'pdf'),
      '--XX--\r\nan epilogue',
    ].join('')
    expect(await send(body, type)).toEqual({
      name: 'Ada\r\nLövelace',
      tag: ['a', 'b'],
      photo: { name: 'me "x".png', type: 'image/png', size: 5 },
      cv: { name: 'résumé.pdf', type: 'application/octet-stream', size: 3 },
    })
  })

  it('keeps no byte of a file, even of one that is not text', async () => {
    const binary = Buffer.concat([
      Buffer.from('--XX\r\nContent-Disposition: form-data; name="f"; filename="x.bin"\r\n\r\n'),
      Buffer.from([0xff, 0x00, 0x0d, 0x0a, 0x2d, 0x2d]),
      Buffer.from('\r\n--XX--'),
    ])
    expect(await send(binary, 'multipart/form-data; boundary="XX"')).toEqual({
      f: { name: 'x.bin', type: 'application/octet-stream', size: 6 },
    })
  })

  it('reads what browsers send', async () => {
    const form = new FormData()
    form.set('email', 'ada@example.com')
    form.set('a "quoted"\nname', 'x')
    form.append('file', new Blob(['hello'], { type: 'text/plain' }), 'a.txt')
    const request = new Request('http://localhost', { method: 'POST', body: form })
    const body = Buffer.from(await request.arrayBuffer())
    expect(await send(body, request.headers.get('content-type')!)).toEqual({
      email: 'ada@example.com',
      'a "quoted"\r\nname': 'x',
      file: { name: 'a.txt', type: 'text/plain', size: 5 },
    })
  })

  it('may be empty', async () => {
    expect(await send('--XX--\r\n', type)).toEqual({})
  })

  it.each([
    ['', type],
    ['--XX', type],
    [field('a', '1'), type],
    [`${field('a', '1')}--XX-`, type],
    [`${field('a', '1')}--XXX--`, type],
    [`--XX\r\n\r\n1\r\n--XX--`, type],
    [`${part('Content-Disposition: form-data', '1')}--XX--`, type],
    [`${part('Content-Disposition: attachment; name="a"', '1')}--XX--`, type],
    [`${part('X: y', '1')}--XX--`, type],
    [`--XX\r\nContent-Disposition: form-data; name="a"${' '.repeat(9000)}\r\n\r\n1\r\n--XX--`, type],
    [`${part("Content-Disposition: form-data; name=a; filename*=UTF-8''%", '1')}--XX--`, type],
    [`${field('__proto__', '1')}--XX--`, type],
    [`${field('a', '1').repeat(1001)}--XX--`, type],
    [`${field('a', '1')}--XX--`, 'multipart/form-data'],
    [`${field('a', '1')}--XX--`, 'multipart/form-data; boundary='],
    [`${field('a', '1')}--XX--`, `multipart/form-data; boundary=${'X'.repeat(71)}`],
  ])('refuses %.60s as %s', async (body, contentType) => {
    expect(await send(body, contentType)).toBe('400 INVALID_FORM')
  })

  it('refuses a text that is not UTF-8', async () => {
    const body = Buffer.concat([
      Buffer.from('--XX\r\nContent-Disposition: form-data; name="f"\r\n\r\n'),
      Buffer.from([0xff]),
      Buffer.from('\r\n--XX--'),
    ])
    expect(await send(body, type)).toBe('400 INVALID_ENCODING')
  })
})

it('takes only the kinds that the config names', async () => {
  const jsonOnly = createConnector({ verify: 'none' })
  await expect(jsonOnly.receive!(post('a=1', { 'content-type': FORM }))).rejects.toMatchObject({ status: 415 })
})
