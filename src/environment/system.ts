import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Environment } from '../environment.ts'
import { systemClock } from './clock.ts'
import { systemHttp } from './http-transport.ts'

/** The real world: this machine's clock, randomness and network. */
export function createEnvironment({ logger }: { logger: Logger }): Environment {
  return { clock: systemClock, random: Math.random, uuid: randomUUID, http: systemHttp, logger }
}
