import { EMBEDDED } from '../support/use-case-engine.ts'
import { describeUseCases } from './use-cases.ts'

describeUseCases(EMBEDDED)
