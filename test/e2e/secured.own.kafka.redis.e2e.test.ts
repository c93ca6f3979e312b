import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CertificateAuthority } from '../../scripts/services/certificates.ts'
import { runCli } from '../../scripts/stack/daemon-process.ts'
import { type Stack, startStack } from '../../scripts/stack/stack.ts'

const LONG_MS = 120_000

describe('the daemon with Kafka and Redis behind TLS', () => {
  let stack: Stack
  const logged: string[] = []
  beforeAll(async () => {
    const onLog = (line: string) => void logged.push(line)
    const configs = ['config/web-form-leads.yaml']
    stack = await startStack({ engine: 'kafka', secured: true, configs, unlimited: true, onLog })
  }, LONG_MS)
  afterAll(() => stack?.stop())

  const secrets = () => ['PRIVATE KEY', stack.env.KAFKA_PASSWORD!, stack.env.REDIS_PASSWORD!]
  const addresses = () => stack.twenty.rows('people').map(row => (row.emails as { primaryEmail: string }).primaryEmail)

  it(
    'takes in and delivers, and goes on after kill -9',
    async () => {
      expect(await stack.postForm({ email: 'ada@one.example', name: 'Ada Lovelace', formId: 'a' })).toBe(202)
      await stack.settled()
      await stack.daemon.end('SIGKILL')
      await stack.daemon.start()
      expect(await stack.postForm({ email: 'alan@one.example', name: 'Alan Turing', formId: 'a' })).toBe(202)
      await stack.settled()
      expect(addresses().sort()).toEqual(['ada@one.example', 'alan@one.example'])
      for (const secret of secrets()) expect(logged.join('\n')).not.toContain(secret)
    },
    LONG_MS,
  )

  it.concurrent.each([
    ['redis', 'STATE_TLS', 'set state.tls.ca to the certificate of that authority'],
    ['kafka', 'LOG_TLS', 'set log.tls.ca to the certificate of that authority'],
  ])(
    'does not start with another authority for %s, and says so with exit code 3',
    async (name, code, advice) => {
      const folder = dirname(stack.configFile)
      const wrong = new CertificateAuthority('somebody else')
      await writeFile(join(folder, 'wrong-ca.pem'), wrong.pem)
      const text = await readFile(stack.configFile, 'utf8')
      const config = join(folder, `wrong-${name}.yaml`)
      await writeFile(config, text.replace(`${name}-ca.pem`, 'wrong-ca.pem').replace(/port: \d+/, 'port: 0'))
      const ran = await runCli(['run', config], stack.env)
      const output = ran.stdout + ran.stderr
      expect(output).toContain(advice)
      expect(output).toContain(code)
      expect(ran.code).toBe(3)
      for (const secret of secrets()) expect(output).not.toContain(secret)
    },
    LONG_MS,
  )
})
