import { describeQuestions } from './questions.ts'

describeQuestions('kafka')
