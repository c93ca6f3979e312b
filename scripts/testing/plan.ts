import type { KafkaService } from '../services/kafka.ts'
import type { RedisService } from '../services/redis.ts'

/**
 * What a test file needs, by the words between the dots of its name: `faults.own.kafka.test.ts`.
 * `own`: a server that the test itself starts and stops. `real`: no double.
 */
export type Need = 'kafka' | 'redis' | 'own' | 'real'

export interface Services {
  readonly kafka: Pick<KafkaService, 'kind' | 'brokers'> | undefined
  readonly redis: Pick<RedisService, 'kind' | 'url'> | undefined
  /** Whether tests can start, stop and kill one of their own. */
  readonly ownKafka: boolean
  readonly ownRedis: boolean
}

export interface NotRun {
  readonly file: string
  readonly needs: readonly Need[]
  readonly missing: 'kafka' | 'redis'
  readonly isOwn: boolean
}

type Service = NotRun['missing']

export function needsOf(file: string): Need[] {
  const words = file.split('/').at(-1)!.split('.')
  return (['kafka', 'redis', 'own', 'real'] as const).filter(need => words.slice(1).includes(need))
}

/** Files that cannot run here, with what is missing. A double cannot be restarted and keeps nothing. */
export function notRunnable(files: readonly string[], services: Services): NotRun[] {
  return files.flatMap(file => {
    const needs = needsOf(file)
    const wanted = needs.filter((need): need is Service => need === 'kafka' || need === 'redis')
    const missing = wanted.find(need => !isHere(need, needs, services))
    return missing ? [{ file, needs, missing, isOwn: needs.includes('own') }] : []
  })
}

function isHere(service: Service, needs: readonly Need[], services: Services): boolean {
  if (needs.includes('own')) return service === 'kafka' ? services.ownKafka : services.ownRedis
  if (service === 'redis') return services.redis !== undefined
  return services.kafka !== undefined && !(needs.includes('real') && services.kafka.kind === 'double')
}

/** `REQUIRE=kafka,redis`: what must not be missing, nor a double. */
export function requiredOf(text: string | undefined): ('kafka' | 'redis')[] {
  const words = (text ?? '').split(',').map(word => word.trim())
  const unknown = words.filter(word => !['', 'kafka', 'redis'].includes(word))
  if (unknown.length > 0) throw new Error(`REQUIRE knows kafka and redis, not ${unknown.join(', ')}`)
  return words.filter(word => word === 'kafka' || word === 'redis')
}
