import { spawn } from 'node:child_process'
import { install } from './prepare.mjs'

install()
const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/testing/run.ts', ...process.argv.slice(2)], {
  cwd: new URL('..', import.meta.url),
  stdio: 'inherit',
})
// The script stops the services that it started; this process passes signals on, and waits for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.once('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143)
})
