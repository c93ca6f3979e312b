import { describe, expect, it } from 'vitest'
import { needsOf, notRunnable, requiredOf, type Services } from '../../scripts/testing/plan.ts'
import { rowsNotRun, rowsOf, tableOf, type VitestReport } from '../../scripts/testing/report.ts'

const everything: Services = {
  kafka: { kind: 'maven', brokers: ['b:1'] },
  redis: { kind: 'machine', url: 'redis://r:1' },
  postgres: { kind: 'machine', url: 'postgres://p:1' },
  own: { kafka: true, redis: true, postgres: true },
}
const none = { kafka: false, redis: false, postgres: false }
const nothing: Services = { kafka: undefined, redis: undefined, postgres: undefined, own: none }

describe('what a test file needs', () => {
  it.each([
    ['test/log/kafka.test.ts', []],
    ['test/log/kafka.kafka.test.ts', ['kafka']],
    ['test/log/broker.own.kafka.test.ts', ['kafka', 'own']],
    ['test/e2e/main.kafka.redis.e2e.test.ts', ['kafka', 'redis']],
    ['test/sinks/peer.own.postgres.test.ts', ['postgres', 'own']],
    ['test/redis.folder/plain.e2e.test.ts', []],
  ])('is told by its name: %s', (file, needs) => expect(needsOf(file)).toEqual(needs))

  it('leaves out only what cannot run, and names what is missing', () => {
    const files = [
      'test/a.test.ts',
      'test/b.kafka.test.ts',
      'test/c.own.kafka.test.ts',
      'test/d.kafka.redis.e2e.test.ts',
    ]
    const onPostgres = ['test/a.postgres.test.ts', 'test/b.own.postgres.test.ts']
    const left = (services: Services) => notRunnable(files, services).map(({ file, missing }) => `${file} ${missing}`)
    expect(left(everything)).toEqual([])
    expect(left(nothing)).toEqual(files.slice(1).map(file => `${file} kafka`))
    expect(left({ ...everything, redis: undefined })).toEqual(['test/d.kafka.redis.e2e.test.ts redis'])
    expect(notRunnable(onPostgres, everything)).toEqual([])
    expect(notRunnable(onPostgres, { ...everything, postgres: undefined }).map(({ file }) => file)).toEqual([
      'test/a.postgres.test.ts',
    ])
    const double: Services = {
      ...everything,
      kafka: { kind: 'double', brokers: ['b:1'] },
      own: { ...everything.own, kafka: false },
    }
    const onDouble = notRunnable(['test/a.real.kafka.test.ts', 'test/b.kafka.test.ts'], double)
    expect(onDouble.map(({ file }) => file)).toEqual(['test/a.real.kafka.test.ts'])
    expect(left({ ...everything, own: { ...everything.own, kafka: false } })).toEqual([
      'test/c.own.kafka.test.ts kafka',
    ])
  })

  it('reads REQUIRE, and refuses what it does not know', () => {
    expect(requiredOf(undefined)).toEqual([])
    expect(requiredOf('kafka, redis,postgres')).toEqual(['kafka', 'redis', 'postgres'])
    expect(() => requiredOf('kafak')).toThrow('kafak')
  })
})

describe('the table of a run', () => {
  const result = (name: string, ...tests: [string, string[]][]) => ({
    name: `/repo/${name}`,
    status: tests.some(([status]) => status === 'failed') ? 'failed' : 'passed',
    assertionResults: tests.map(([status, ancestorTitles]) => ({ status, ancestorTitles })),
  })
  const report: VitestReport = {
    testResults: [
      result('test/log/memory.test.ts', ['passed', ['EventLog: memory']], ['skipped', ['EventLog: memory', 'read']]),
      result('test/log/kafka.kafka.test.ts', ['passed', ['EventLog: Kafka', 'append']]),
      result('test/runtime/lanes.test.ts', ['passed', ['lanes']], ['failed', ['lanes']]),
      { name: '/repo/test/broken.test.ts', status: 'failed', assertionResults: [] },
    ],
  }
  const lines = (kind: string) =>
    rowsOf(report, '/repo', kind).map(row => `${row.suite}|${row.engine}|${row.passed}|${row.failed}|${row.skipped}`)

  it('has a row for each suite on each engine, and counts a file that broke down', () => {
    expect(lines('maven')).toEqual([
      'EventLog|Kafka|1|0|0',
      'EventLog|memory|1|0|1',
      'other|no service|0|1|0',
      'runtime|no service|1|1|0',
    ])
  })

  it('never calls a double Kafka', () => {
    expect(lines('double')[0]).toBe('EventLog|Kafka double|1|0|0')
    expect(tableOf(rowsOf(report, '/repo', 'double'))).toMatch(/EventLog +Kafka double +1 +double/)
  })

  it('says what was not run, and the command that would run it', () => {
    const missing = notRunnable(['test/log/kafka.kafka.test.ts'], nothing)
    const table = tableOf(rowsNotRun(missing, () => 'KAFKA_BROKERS=host:9092 npm test'))
    expect(table).toContain('test/log/kafka.kafka.test.ts  Kafka')
    expect(table).toContain('not run: KAFKA_BROKERS=host:9092 npm test')
  })
})
