import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import code from '../../src/processors/code.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { failureOf, processContext, scopeOf, stepContext } from './support.ts'

let folder: string
let written = 0

beforeEach(() => {
  folder = tempFolder()
})

function file(text: string, name = `code-${++written}.ts`): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

async function run(text: string, adds: string[] = [], data: Record<string, unknown> = {}, name?: string) {
  const config = { file: file(text), adds, ...(name !== undefined && { export: name }) }
  return code.create(config, stepContext).process(scopeOf(data), processContext())
}

describe('code', () => {
  it('runs TypeScript, with imports of its own', async () => {
    file('export const factor: number = 2\n', 'factor.ts')
    const text = `import { factor } from './factor.ts'
      interface Lead { employees: number }
      export default ({ data }: { data: Lead }) => ({ score: data.employees * factor })`
    expect(await run(text, ['score'], { employees: 21 })).toEqual({ names: { score: 42 } })
  })

  it.each([
    ['of CommonJS', {}],
    ['of modules', { type: 'module' }],
  ])('gives its types by a package that is not installed in the folder, %s', async (_, pack) => {
    file(JSON.stringify(pack), 'package.json')
    const text = `import { type CodeResult, defineCode } from 'twenty-sync'
      export default defineCode(({ data }): CodeResult => ({ score: Number(data.employees) * 2 }))`
    expect(await run(text, ['score'], { employees: 21 })).toEqual({ names: { score: 42 } })
  })

  it('says which package is missing', async () => {
    await expect(run("import 'twenty-sink'\nexport default () => ({})")).rejects.toThrow(/twenty-sink/)
  })

  it('runs another export, and waits for a promise', async () => {
    const text = 'export async function rate({ event }) { return { id: event.id } }'
    expect(await run(text, ['id'], {}, 'rate')).toEqual({ names: { id: 'e1' } })
  })

  it('may end the event, with a reason', async () => {
    expect(await run("export default () => ({ skip: 'too small' })")).toEqual({ skip: 'too small' })
    expect(await run('export default () => undefined')).toEqual({})
  })

  it('gives JSON: dates become text, absent values stay away', async () => {
    const text = 'export default () => ({ at: new Date(0), gone: undefined, deep: { list: [1, null] } })'
    expect(await run(text, ['at', 'gone', 'deep'])).toEqual({
      names: { at: '1970-01-01T00:00:00.000Z', deep: { list: [1, null] } },
    })
  })

  it.each([
    ['export default () => ({ other: 1 })', 'returned "other"; add it to `adds`'],
    ['export default () => 5', 'returned no map'],
    ['export default () => ({ score: 1n })', 'what JSON cannot hold'],
    ['export default () => ({ score: 0 / 0 })', 'score is NaN'],
    ['export default () => ({ score: () => 1 })', 'score is a function'],
    ['export default () => { const score = {}; score.self = score; return { score } }', 'what JSON cannot hold'],
    ["export default () => ({ skip: '' })", 'without a reason'],
  ])('%s', async (text, message) => {
    const error = await failureOf(() => run(text, ['score']))
    expect(error).toMatchObject({ kind: 'rejected', code: 'CODE_RESULT' })
    expect(error.message).toContain(message)
  })

  it('what it throws rejects the event and names the file', async () => {
    const error = await failureOf(() => run("export default () => { throw new TypeError('no such plan') }"))
    expect(error).toMatchObject({ kind: 'rejected', code: 'CODE_FAILED' })
    expect(error.message).toMatch(/leads\.check \(.*code-\d+\.ts\) failed: no such plan/)
  })

  it.each([
    ['export default () => {', 'cannot be loaded'],
    ["import './nowhere.ts'", 'cannot be loaded'],
    ['export const score = 5', '"default" is not an exported function; it exports score'],
  ])('a file that is none stops the flow: %s', async (text, message) => {
    const error = await failureOf(() => run(text))
    expect(error).toMatchObject({ kind: 'fatal', code: 'CODE_NOT_LOADED' })
    expect(error.message).toContain(message)
  })

  it('cannot change the data, not even by mistake', async () => {
    const data = { list: [3, 1, 2] }
    await run('export default ({ data }) => { data.list.sort(); data.x = 1 }', [], data)
    expect(data).toEqual({ list: [3, 1, 2] })
  })

  it('a result pollutes nothing', async () => {
    const text = `export default () => ({ deep: JSON.parse('{"__proto__": {"polluted": true}}') })`
    const result = await run(text, ['deep'])
    expect(result).toEqual({ names: { deep: {} } })
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('is loaded anew with a new config', async () => {
    const path = file('export default () => ({ v: 1 })')
    const make = () => code.create({ file: path, adds: ['v'] }, stepContext).process(scopeOf({}), processContext())
    expect(await make()).toEqual({ names: { v: 1 } })
    writeFileSync(path, 'export default () => ({ v: 2 })')
    expect(await make()).toEqual({ names: { v: 2 } })
  })
})
