// Runs before anything is installed: plain Node, no dependency.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** Installs what the lockfile names, when it is not there or the lockfile is newer. */
export function install() {
  const installed = join(ROOT, 'node_modules/.package-lock.json')
  const current =
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(ROOT, 'package-lock.json')).mtimeMs
  if (current) return
  console.error('Installing packages …')
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
}

/** Compiles `src` and `sandbox` to `dist`. */
export function build() {
  console.error('Building …')
  run('npm', ['run', '--silent', 'build'])
}

/** Runs a TypeScript file of this project with the rest of the arguments; its exit code becomes ours. */
export function runScript(file, args = process.argv.slice(2)) {
  const { status, signal } = spawnSync(process.execPath, ['--import', 'tsx', join(ROOT, file), ...args], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  process.exitCode = status ?? (signal === 'SIGINT' ? 130 : 143)
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}
