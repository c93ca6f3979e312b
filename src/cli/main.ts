#!/usr/bin/env node
import { EXIT } from './exit-code.ts'
import { nodeShell } from './node-shell.ts'
import { runCli } from './program.ts'

const shell = await nodeShell()
let code: number = EXIT.runtime
try {
  code = await runCli(process.argv.slice(2), shell)
} catch (thrown) {
  await shell.stderr.write(`defect: ${thrown instanceof Error ? thrown.stack : String(thrown)}\n`)
}
// Everything was written and closed: a connection kept alive for later calls must not hold the process.
shell.exit(code)
