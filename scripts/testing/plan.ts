import type { KafkaService } from '../services/kafka.ts'
import type { PostgresService } from '../services/postgres.ts'
import type { RedisService } from '../services/redis.ts'

/**
 * What a test file needs, by the words between the dots of its name: `faults.own.kafka.test.ts`.
 * `own`: a server that the test itself starts and stops. `real`: no double.
 */
export type Need = Service | 'own' | 'real'

export type Service = 'kafka' | 'redis' | 'postgres'

const SERVICES: readonly Service[] = ['kafka', 'redis', 'postgres']

export interface Services {
  readonly kafka: Pick<KafkaService, 'kind' | 'brokers'> | undefined
  readonly redis: Pick<RedisService, 'kind' | 'url'> | undefined
  readonly postgres: Pick<PostgresService, 'kind' | 'url'> | undefined
  /** Whether tests can start, stop and kill one of their own. */
  readonly own: Readonly<Record<Service, boolean>>
}

export interface NotRun {
  readonly file: string
  readonly needs: readonly Need[]
  readonly missing: Service
  readonly isOwn: boolean
}

export function needsOf(file: string): Need[] {
  const words = file.split('/').at(-1)!.split('.')
  return ([...SERVICES, 'own', 'real'] as const).filter(need => words.slice(1).includes(need))
}

/** Files that cannot run here, with what is missing. A double cannot be restarted and keeps nothing. */
export function notRunnable(files: readonly string[], services: Services): NotRun[] {
  return files.flatMap(file => {
    const needs = needsOf(file)
    const wanted = needs.filter(isService)
    const missing = wanted.find(need => !isHere(need, needs, services))
    return missing ? [{ file, needs, missing, isOwn: needs.includes('own') }] : []
  })
}

function isHere(service: Service, needs: readonly Need[], services: Services): boolean {
  if (needs.includes('own')) return services.own[service]
  if (service === 'kafka' && needs.includes('real') && services.kafka?.kind === 'double') return false
  return services[service] !== undefined
}

/** `REQUIRE=kafka,redis,postgres`: what must not be missing, nor a double. */
export function requiredOf(text: string | undefined): Service[] {
  const words = (text ?? '').split(',').map(word => word.trim())
  const unknown = words.filter(word => word !== '' && !isService(word))
  if (unknown.length > 0) throw new Error(`REQUIRE knows ${SERVICES.join(', ')}, not ${unknown.join(', ')}`)
  return words.filter(isService)
}

function isService(word: string): word is Service {
  return SERVICES.some(service => service === word)
}
