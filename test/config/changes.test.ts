import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { configChanges } from '../../src/config/changes.ts'
import { loadConfig } from '../../src/config/load.ts'
import { env, FORM, flow, load, SYSTEM } from './support.ts'

const texts = async (before: string, after: string) => {
  const [from, to] = await Promise.all([load(before), load(after)])
  return configChanges(from.config, to.config).map(({ what, name, change }) => `${change} ${what} ${name}`)
}

it('names what was added, removed and changed, and only that', async () => {
  const before = flow('filter: "true"')
  expect(await texts(before, before)).toEqual([])
  expect(await texts(before, flow('filter: "false"'))).toEqual(['changed flow leads'])
  expect(
    await texts(before, `${SYSTEM}${FORM}flows:\n  other: { from: lead-form, steps: [filter: "true"] }\n`),
  ).toEqual(['removed flow leads', 'added flow other'])
  expect(await texts(before, before.replace('path: /hooks/lead-form', 'path: /x'))).toEqual([
    'changed connector lead-form',
  ])
  expect(await texts(before, before.replace('type: twenty,', 'type: twenty, timeout: 5s,'))).toEqual([
    'changed system twenty',
  ])
})

it('notices a file that the config names', async () => {
  const { config, folder } = await load({ 'c.yaml': flow('validate: { schema: ./s.json }'), 's.json': '{}' })
  writeFileSync(join(folder, 's.json'), '{"required":["a"]}')
  const after = await loadConfig([join(folder, 'c.yaml')], { env })
  expect(configChanges(config, after)).toEqual([
    { what: 'file', name: 'a schema or template that a flow names', change: 'changed' },
  ])
})
