import type { KafkaService } from '../services/kafka.ts'
import type { RedisService } from '../services/redis.ts'

/** What a test file needs, by the words between the dots of its name: `broker.own.kafka.test.ts`. */
export type Need = 'kafka' | 'redis' | 'own'

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

export function needsOf(file: string): Need[] {
  const words = file.split('/').at(-1)!.split('.')
  return (['kafka', 'redis', 'own'] as const).filter(need => words.slice(1).includes(need))
}

/** Files that cannot run here, with what is missing. A double cannot be restarted and keeps nothing. */
export function notRunnable(files: readonly string[], services: Services): NotRun[] {
  return files.flatMap(file => {
    const needs = needsOf(file)
    const isOwn = needs.includes('own')
    const missing = needs.find((need): need is 'kafka' | 'redis' => need !== 'own' && !isHere(need, isOwn, services))
    return missing ? [{ file, needs, missing, isOwn }] : []
  })
}

function isHere(need: 'kafka' | 'redis', isOwn: boolean, services: Services): boolean {
  if (need === 'kafka') return isOwn ? services.ownKafka : services.kafka !== undefined
  return isOwn ? services.ownRedis : services.redis !== undefined
}

/** `REQUIRE=kafka,redis`: what must not be missing, nor a double. */
export function requiredOf(text: string | undefined): ('kafka' | 'redis')[] {
  const words = (text ?? '').split(',').map(word => word.trim())
  const unknown = words.filter(word => !['', 'kafka', 'redis'].includes(word))
  if (unknown.length > 0) throw new Error(`REQUIRE knows kafka and redis, not ${unknown.join(', ')}`)
  return words.filter(word => word === 'kafka' || word === 'redis')
}
