import { Type } from '@sinclair/typebox'
import { defineProcessor, File } from '../config/definition.ts'
import { SyncError } from '../errors.ts'
import type { CodeFunction } from './code/define-code.ts'
import { loadCode } from './code/load-code.ts'
import { resultOf } from './code/result.ts'

/** Runs a function of the author's own, for what outgrows expressions. */
export default defineProcessor({
  type: 'code',
  summary: 'Runs a function from a TypeScript file, for what outgrows expressions. Trusted: it runs inside the daemon.',
  config: Type.Object(
    {
      file: File({
        description:
          "The file: TypeScript or JavaScript. `import { defineCode } from 'twenty-sync'` gives its function types.",
        examples: ['./code/score.ts'],
      }),
      export: Type.Optional(
        Type.String({ minLength: 1, description: 'Which export it is.', default: 'default', examples: ['score'] }),
      ),
      adds: Type.Optional(
        Type.Array(Type.String({ minLength: 1, description: 'A name that it returns.', examples: ['score'] }), {
          uniqueItems: true,
          description: 'The names that it returns; later steps read them.',
          default: [],
          examples: [['score', 'reasons']],
        }),
      ),
    },
    { additionalProperties: false },
  ),
  examples: [
    { title: 'A lead score, made by `./code/score.ts`', yaml: 'file: ./code/score.ts\nadds: [score, reasons]\n' },
  ],
  adds: config => config.adds ?? [],
  create(config, context) {
    const names = new Set(config.adds ?? [])
    const where = `step ${context.name} (${config.file})`
    let run: CodeFunction | undefined
    const loading = loadCode(config.file, config.export ?? 'default', where).then(loaded => {
      run = loaded
      return loaded
    })
    // Reported by the first event: until then nothing depends on it.
    loading.catch(() => {})
    return {
      async process(scope, { signal }) {
        const code = run ?? (await loading)
        let result: unknown
        try {
          // A copy: what the function changes by mistake must not reach a retry, a later step or the dead letter.
          result = await code(structuredClone(scope) as Parameters<CodeFunction>[0], { signal })
        } catch (cause) {
          if (cause instanceof SyncError) throw cause
          const message = cause instanceof Error ? cause.message : String(cause)
          throw new SyncError('rejected', 'CODE_FAILED', `${where} failed: ${message}`, { cause })
        }
        return resultOf(result, names, where)
      },
    }
  },
})
