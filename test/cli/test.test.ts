import { dirname } from 'node:path'
import { expect, it } from 'vitest'
import { nodeBackend } from '../../src/cli/node-shell.ts'
import { FORM, type TestFiles, written } from '../testing/support.ts'
import { FakeShell } from './fake-shell.ts'

const FILES: TestFiles = {
  config: `${FORM}
flows:
  leads: { from: form, steps: [{ create: { in: twenty, object: note, values: { title: data.name } } }] }
`,
  test: `cases:
  a form is a note:
    do: [{ post: { to: form, json: { name: Ada } } }]
    expect: { records: { twenty: { note: 1 } } }
  a note has its title:
    do: [{ post: { to: form, json: { name: Ada } } }]
    expect:
      records:
        twenty:
          note: [{ title: Eve }]
`,
}

async function run(...args: string[]) {
  const file = written(FILES)
  const shell = new FakeShell({ folder: dirname(file), backend: { runTests: nodeBackend.runTests } })
  const code = await shell.run('test', ...args)
  return { shell, code, text: shell.stdout.text.replace(/\d+ ms/g, '# ms').replace(/[\d.]+ s\)/, '# s)') }
}

it('shows each case, and of one that fails the line, what was meant, what is, and what happened', async () => {
  const { code, text } = await run('flow.yaml')
  expect(code).toBe(1)
  expect(text.replace(/[\da-f-]{36}/g, '<id>')).toMatchInlineSnapshot(`
    "flow.test.yaml
      ✓ a form is a note  # ms
      ✗ a note has its title  # ms
        flow.test.yaml:10:27  expect.records.twenty.note[0].title
          it differs
          10 |           note: [{ title: Eve }]
             |                           ^
          expected  "Eve"
          found     "Ada"

        what happened:
          form.received received/<id>
            leads: done
              create-note: wrote note/<id>


    2 cases: 1 failed, 1 passed (# s)
    "
  `)
})

it('is content when every case holds, and runs only those that are asked for', async () => {
  const { code, text } = await run('.', '--only', 'form is')
  expect(code).toBe(0)
  expect(text).toBe('flow.test.yaml\n  ✓ a form is a note  # ms\n\n1 case: 1 passed (# s)\n')
})

it('gives a document for each case with --json', async () => {
  const { shell, code } = await run('flow.test.yaml', '--json')
  expect(code).toBe(1)
  expect(shell.lines).toMatchObject([
    { name: 'a form is a note', ok: true, failures: [] },
    { name: 'a note has its title', ok: false, failures: [{ line: 10, expected: 'Eve', found: 'Ada' }] },
  ])
})

it('says when there is nothing to run', async () => {
  expect(await run('flow.yaml', '--only', 'nothing')).toMatchObject({ code: 2 })
  const { shell, code } = await run('gone.yaml')
  expect(code).toBe(2)
  expect(shell.stderr.text).toMatch(/gone\.yaml does not exist/)
})
