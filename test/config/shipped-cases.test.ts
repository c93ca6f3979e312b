import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeBackend } from '../../src/cli/node-shell.ts'
import { FakeShell } from '../cli/fake-shell.ts'

const FOLDER = resolve(import.meta.dirname, '../../config')
const files = readdirSync(FOLDER).filter(name => name.endsWith('.test.yaml'))

describe('the cases of the configs that come along', () => {
  it.each(files)('%s', async name => {
    const shell = new FakeShell({ backend: { runTests: nodeBackend.runTests } })
    const code = await shell.run('test', join(FOLDER, name))
    expect(code, shell.stdout.text + shell.stderr.text).toBe(0)
  })

  it('there are some', () => {
    expect(files.length).toBeGreaterThan(1)
  })
})
