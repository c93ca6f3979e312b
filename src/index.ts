/** What a file that a config names may import: `import { defineCode } from 'twenty-sync'`. */
export {
  type CodeContext,
  type CodeFunction,
  type CodeInput,
  type CodeResult,
  defineCode,
} from './processors/code/define-code.ts'
