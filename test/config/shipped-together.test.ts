import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { registry } from '../../src/registry.ts'

const FOLDER = resolve(import.meta.dirname, '../../config')

/** Whatever the shipped files read from the environment; a secret may look like anything, also like an address. */
function variables(): Record<string, string> {
  const files = readdirSync(FOLDER).filter(name => name.endsWith('.yaml'))
  const names = files.flatMap(name => readFileSync(join(FOLDER, name), 'utf8').match(/\$\{\w+\}/g) ?? [])
  const madeUp = (name: string) => (name.includes('SMTP') ? 'smtp://127.0.0.1:25' : 'http://127.0.0.1')
  return Object.fromEntries(names.map(name => [name.slice(2, -1), madeUp(name)]))
}

it('the shipped configs are one config together, as a folder', async () => {
  const config = await loadConfig([FOLDER], { env: variables(), registry })
  expect(config.flows.size).toBeGreaterThan(10)
  expect([...config.systems.keys()].filter(name => name === 'twenty')).toHaveLength(1)
  // One file says nothing of it, and loses nothing by that.
  expect(config.connectors.get('lead-form')!.config).toMatchObject({ honeypot: 'website' })
})
