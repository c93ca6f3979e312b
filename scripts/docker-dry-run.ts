import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { commandOf, DockerDryRun, runIn } from './containers/dry-run.ts'

/**
 * `npx tsx scripts/docker-dry-run.ts`: the Dockerfile's steps in an empty folder, then the daemon from the result until
 * its health check is content. For machines without a Docker engine; it does not replace `docker build`.
 */
const root = resolve(import.meta.dirname, '..')
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
const say = (line: string) => void process.stdout.write(`${line}\n`)
const dryRun = new DockerDryRun(root, say)
const folder = mkdtempSync(join(tmpdir(), 'twenty-sync-config-'))
try {
  const image = dryRun.run()
  const config = join(folder, 'twenty-sync.yaml')
  writeFileSync(config, smallestConfig())
  const [program, ...args] = commandOf(dockerfile, 'ENTRYPOINT') as [string, ...string[]]
  const daemon = spawn(program, [...args, 'run', config, '--host', '127.0.0.1', '--port', '8080'], {
    cwd: join(image.root, image.workdir),
    env: { ...process.env, ...image.environment, FORM_KEY: 'dry-run' },
    stdio: 'inherit',
  })
  const ended = new Promise<number | null>(done => daemon.once('exit', done))
  const isHealthy = await untilHealthy(ended)
  daemon.kill('SIGTERM')
  const code = await ended
  say(isHealthy ? `healthy, and ended with ${code} on SIGTERM` : 'never healthy')
  process.exitCode = isHealthy && code === 0 ? 0 : 1

  async function untilHealthy(exited: Promise<unknown>): Promise<boolean> {
    const [check, ...checkArgs] = commandOf(dockerfile, 'HEALTHCHECK') as [string, ...string[]]
    let isOver = false
    void exited.then(() => {
      isOver = true
    })
    for (const until = Date.now() + 20_000; Date.now() < until && !isOver; ) {
      if (runIn(image, check, checkArgs, 'pipe').status === 0) return true
      await new Promise(done => setTimeout(done, 200))
    }
    return false
  }
} finally {
  dryRun.remove()
  rmSync(folder, { recursive: true, force: true })
}

/** The smallest config that starts: it reaches nothing outside. */
function smallestConfig(): string {
  return `log: { folder: ${join(folder, 'data')} }
connectors:
  form: { type: webhook, path: /hooks/form, accept: [json], verify: { header: x-form-key, equals: "\${FORM_KEY}" } }
flows:
  leads:
    from: form
    steps:
      - transform: { email: data.email }
`
}
