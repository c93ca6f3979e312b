import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../src/error-codes.ts'
import { load } from '../config/support.ts'
import { commandsIn, problemWith } from './commands.ts'
import { PAGES, ROOT } from './pages.ts'

const VARIABLES = {
  TWENTY_URL: 'https://twenty.example.com',
  TWENTY_API_KEY: 'key-of-twenty',
  TWENTY_WEBHOOK_SECRET: 'secret-of-webhook',
  FORM_KEY: 'key-of-form',
  DATABASE_URL: 'postgres://sync:database-password@127.0.0.1:5432/warehouse',
  KAFKA_BROKERS: '127.0.0.1:9092',
  REDIS_URL: 'redis://127.0.0.1:6379',
}

describe('what the documentation shows is real', () => {
  const configs = PAGES.flatMap(({ blocks }) => blocks).filter(({ info }) => info === 'yaml config')

  it.each(configs)('the config in $page, line $line, loads', async ({ text }) => {
    await expect(load(text, { env: variablesFor(text) })).resolves.toBeDefined()
  })

  it('there are such configs', () => {
    expect(configs.length).toBeGreaterThan(1)
  })

  it.each(PAGES)('commands in $file exist, with those arguments and options', async page => {
    const wrong: string[] = []
    for (const { line, words, isNamed } of commandsIn(page)) {
      const problem = await problemWith(words)
      // A sentence may name a command without what it takes.
      if (problem && !(isNamed && /missing required argument|required option/.test(problem)))
        wrong.push(`${page.file}:${line} ${words.join(' ')}: ${problem}`)
    }
    expect(wrong).toEqual([])
  })

  it('notices a command, an option or an argument that does not exist', async () => {
    expect(await problemWith(['status'])).toBeUndefined()
    expect(await problemWith(['stats'])).toMatch(/unknown command/)
    expect(await problemWith(['status', '--wach'])).toMatch(/unknown option/)
    expect(await problemWith(['resume'])).toMatch(/missing required argument/)
    expect(await problemWith(['replay', 'flow', '--from', 'earliest', '--effects', 'some'])).toMatch(/Allowed choices/)
  })

  it.each(PAGES)('npm scripts in $file exist', page => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
    const named = [...page.text.matchAll(/\bnpm run ([a-z][\w:]*)/g)].map(match => match[1]!)
    expect(named.filter(name => !Object.hasOwn(scripts, name))).toEqual([])
  })

  it.each(PAGES)('links and paths in $file lead somewhere', page => {
    const links = [...page.text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(match => match[1]!)
      .filter(target => !/^[a-z]+:/.test(target))
      .map(target => join(dirname(page.file), target))
    const paths = page.inline
      .map(({ text }) => text)
      .filter(text => /^(?:src|test|config|docs|scripts|sandbox|bench)\/[\w./-]*$/.test(text) && !text.includes('...'))
    expect([...links, ...paths].filter(path => !existsSync(join(ROOT, path)))).toEqual([])
  })

  it.each(PAGES)('metrics and error codes in $file exist', page => {
    const sources = ['src/server/metrics.ts', 'src/runtime/metrics.ts'].map(file =>
      readFileSync(join(ROOT, file), 'utf8'),
    )
    const known = sources.join('\n')
    // The table that triggers in Postgres write is none.
    const metrics = [...page.text.matchAll(/\btwenty_sync_(?!changes\b)([a-z_]+)/g)].map(match => match[1]!)
    expect(metrics.filter(name => !new RegExp(`['_]${name}'`).test(known))).toEqual([])
    const codes = page.inline
      .map(({ text }) => text)
      .filter(text => /^(?:LOG|STATE|NO_SUCH|FOLDER|MATCH|OUTCOME|TOO_MANY|RESTART|MISSING|TWENTY)_[A-Z_]+$/.test(text))
    expect(codes.filter(code => !Object.hasOwn(ERROR_CODES, code) && !isVariable(code))).toEqual([])
  })
})

/** What it refers to; most variables may be anything of their kind. */
function variablesFor(text: string): Record<string, string> {
  const names = [...text.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name]) => name!)
  const made = names.map(name => [name, name.endsWith('URL') ? 'https://a.example.com' : 'some-value'])
  return { ...Object.fromEntries(made), ...VARIABLES }
}

function isVariable(name: string): boolean {
  return Object.hasOwn(VARIABLES, name) || name.startsWith('TWENTY_SYNC_')
}
