import { describeQuestions } from './questions.ts'

describeQuestions('embedded')
