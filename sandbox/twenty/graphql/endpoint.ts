import { TwentyError } from '../errors.ts'
import type { Answer, Call } from '../http.ts'
import type { Twenty } from '../twenty.ts'

export function handleGraphql(_twenty: Twenty, _api: string, _call: Call): Answer {
  throw new TwentyError(501, 'NotImplementedException', 'GraphQL is not served')
}
