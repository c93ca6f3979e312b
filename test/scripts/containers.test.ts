import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { stagesOf } from '../../scripts/containers/dockerfile.ts'
import { lintContainers } from '../../scripts/containers/lint.ts'
import { loadConfig } from '../../src/config/load.ts'

const root = resolve(import.meta.dirname, '../..')
const file = (name: string) => readFileSync(join(root, name), 'utf8')
const exists = (path: string) => existsSync(join(root, path))
const compose = file('docker-compose.yml')
const dockerfile = file('Dockerfile')
const lint = (given: { compose?: string; dockerfile?: string }) =>
  lintContainers({ compose, dockerfile, exists, ...given })

describe('docker-compose.yml and Dockerfile', () => {
  it('have no findings', () => expect(lint({})).toEqual([]))

  it.each([
    ['image: redis:7.4.2-alpine', 'image: redis:latest', 'redis: image redis:latest needs a tag of a version'],
    ['image: redis:7.4.2-alpine', 'image: redis', 'redis: image redis needs a tag of a version'],
    ['user: redis', 'user: root', 'redis: needs a user other than root'],
    ['    user: redis\n', '', 'redis: needs a user other than root'],
    [
      'redis: { condition: service_healthy }',
      'redsi: { condition: service_healthy }',
      'daemon: depends on redsi, which does not exist',
    ],
    [
      'redis: { condition: service_healthy }',
      'redis: { condition: service_started }',
      'daemon: must wait until redis is healthy',
    ],
    ['\n  redis-data:\n', '\n', 'redis: volume redis-data is not declared'],
    ['    volumes:\n      - kafka-data:/var/lib/kafka/data\n', '', 'volume kafka-data is not used'],
    [
      'REDISCLI_AUTH: ${REDIS_PASSWORD:?set REDIS_PASSWORD in .env}',
      'REDISCLI_AUTH: hunter2',
      'redis: REDISCLI_AUTH must be a reference',
    ],
    ['./config:/app/config:ro', './confg:/app/config:ro', 'daemon: ./confg does not exist'],
    ['restart: unless-stopped', 'x: y', 'kafka: needs a restart policy'],
    ['mem_limit: 768m', 'x: y', 'redis: needs a memory limit'],
  ])('compose: %s -> %s is a finding', (from, to, finding) => {
    expect(compose).toContain(from)
    expect(lint({ compose: compose.replace(from, to) }).join('\n')).toContain(finding)
  })

  it('compose: a service without a health check is a finding', () => {
    const without = compose.replace(/ {4}healthcheck:\n {6}test: \["CMD-SHELL".*\n/, '    x:\n')
    expect(lint({ compose: without }).join('\n')).toContain('redis: needs a healthcheck')
  })

  it.each([
    ['USER 1000:1000\n', '', 'needs a USER other than root'],
    ['USER 1000:1000', 'USER root', 'needs a USER other than root'],
    ['RUN npm ci --ignore-scripts', 'RUN npm ci', 'npm must not run install scripts'],
    ['FROM node:24.11.1-bookworm-slim\n', 'FROM node:latest\n', 'image node:latest needs a tag'],
    ['--from=build /app/dist', '--from=biuld /app/dist', 'no stage biuld'],
    ['COPY src ./src', 'COPY srcs ./src', 'srcs does not exist'],
    ['/readyz', '/health', 'needs a HEALTHCHECK of /readyz'],
    ['ENTRYPOINT ["node", "dist/src/cli/main.js"]', 'ENTRYPOINT node dist/src/cli/main.js', 'ENTRYPOINT in exec form'],
  ])('Dockerfile: %s -> %s is a finding', (from, to, finding) => {
    expect(dockerfile).toContain(from)
    expect(lint({ dockerfile: dockerfile.replaceAll(from, to) }).join('\n')).toContain(finding)
  })

  it('reads a Dockerfile by stages, with continued lines', () => {
    const [build, final] = stagesOf(dockerfile)
    expect(build).toMatchObject({ name: 'build' })
    expect(final!.instructions.find(({ name }) => name === 'HEALTHCHECK')!.text).toMatch(
      /^--interval=10s .* CMD \["node"/,
    )
  })
})

describe('the config in docker-compose.yml', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'twenty-sync-compose-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('is one that the daemon takes, with the flows beside it', async () => {
    const { configs, services } = parse(compose, { merge: true })
    const engine = join(folder, 'engine.yaml')
    await writeFile(engine, configs.engine.content.replaceAll('$$', '$'))
    const files: string[] = services.daemon.environment.TWENTY_SYNC_CONFIG.split(':')
    expect(files.at(-1)).toBe(services.daemon.configs[0].target)
    const variables = {
      KAFKA_BROKERS: services.kafka.environment.KAFKA_ADVERTISED_LISTENERS.replace('PLAINTEXT://', ''),
      REDIS_URL: 'redis://:secret@redis:6379',
      REGISTRY_URL: services.daemon.environment.REGISTRY_URL,
      PUBLIC_URL: 'https://sync.example.com',
      TWENTY_URL: 'https://crm.example.com',
      TWENTY_API_KEY: 'key',
      TWENTY_WEBHOOK_SECRET: 'secret',
      FORM_KEY: 'key',
      SMTP_URL: 'smtps://mail.example.com',
    }
    const config = await loadConfig([...files.slice(0, -1).map(path => join(root, path)), engine], { env: variables })
    expect(config.log).toMatchObject({ type: 'kafka', brokers: ['kafka:9092'], replication: 1 })
    expect(config.state).toMatchObject({ type: 'redis' })
  })
})
