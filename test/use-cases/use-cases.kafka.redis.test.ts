import { afterAll, beforeAll, vi } from 'vitest'
import { kafkaAndRedis } from '../support/use-case-engine.ts'
import { describeUseCases } from './use-cases.ts'

vi.setConfig({ testTimeout: 90_000 })

const engine = kafkaAndRedis()
beforeAll(() => engine.start(), 120_000)
afterAll(() => engine.stop())

describeUseCases(engine)
