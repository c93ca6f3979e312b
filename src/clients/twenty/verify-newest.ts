import type { TwentyClient } from './client.ts'
import type { TwentySchema } from './schema.ts'

/**
 * Reports what is wrong with uses by the newest field list. The known one is as old as the last time that anybody asked
 * or that Twenty told of a change; what fits it needs no other.
 */
export async function verifyNewest<U extends { readonly problem: (...said: never[]) => void }>(
  uses: readonly U[],
  { schemas }: TwentyClient,
  signal: AbortSignal,
  verify: (use: U, schema: TwentySchema) => void,
): Promise<void> {
  const known = await schemas.get({ signal })
  let fits = true
  const problem = () => {
    fits = false
  }
  for (const use of uses) verify({ ...use, problem }, known)
  if (fits) return
  const newest = await schemas.refresh({ signal })
  for (const use of uses) verify(use, newest)
}
