import { describeUseCases } from './use-cases.ts'

describeUseCases('embedded')
