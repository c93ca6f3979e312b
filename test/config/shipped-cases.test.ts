import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { nodeBackend } from '../../src/cli/node-shell.ts'
import { FakeShell } from '../cli/fake-shell.ts'

const FOLDER = resolve(import.meta.dirname, '../../config')
const files = readdirSync(FOLDER).filter(name => name.endsWith('.test.yaml'))

const editor = new Ajv({ strict: false, allErrors: true }).compile(
  JSON.parse(readFileSync(join(FOLDER, 'test.schema.json'), 'utf8')),
)

describe('the cases of the configs that come along', () => {
  it.each(files)('%s', async name => {
    const shell = new FakeShell({ backend: { runTests: nodeBackend.runTests } })
    const code = await shell.run('test', join(FOLDER, name))
    expect(code, shell.stdout.text + shell.stderr.text).toBe(0)
  })

  it.each(files)('%s is as the schema for editors has it, and names it', name => {
    const text = readFileSync(join(FOLDER, name), 'utf8')
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./test.schema.json')
    editor(parse(text, { merge: true }))
    expect(editor.errors ?? []).toEqual([])
  })

  it('there are some', () => {
    expect(files.length).toBeGreaterThan(1)
  })
})
