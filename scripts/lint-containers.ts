import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { lintContainers } from './containers/lint.ts'

/** `npx tsx scripts/lint-containers.ts`: what no Docker engine is needed to see. Exit code 1 when something is wrong. */
const root = resolve(import.meta.dirname, '..')
const findings = lintContainers({
  compose: readFileSync(join(root, 'docker-compose.yml'), 'utf8'),
  dockerfile: readFileSync(join(root, 'Dockerfile'), 'utf8'),
  exists: path => existsSync(join(root, path)),
})
for (const finding of findings) process.stdout.write(`${finding}\n`)
process.stdout.write(`docker-compose.yml and Dockerfile: ${findings.length} findings\n`)
process.exitCode = findings.length > 0 ? 1 : 0
