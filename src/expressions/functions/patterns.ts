import { RE2JS } from 're2js'
import { spend } from '../meter.ts'

/** Instructions of the compiled pattern: the time per letter of the text grows with them. */
const MAX_PROGRAM = 1000
const KEPT = 200

const compiled = new Map<string, RE2JS>()

/** Does the pattern occur in the text? Time grows with the text's length only, whatever the pattern. */
export function matches(text: string, pattern: string): boolean {
  const regex = compilePattern(pattern)
  spend(text.length / 4)
  return regex.test(text)
}

/** @throws Error that says what is wrong with the pattern. */
export function compilePattern(pattern: string): RE2JS {
  const known = compiled.get(pattern)
  if (known) return known
  const regex = RE2JS.compile(pattern)
  if (regex.programSize() > MAX_PROGRAM) throw new Error('the pattern repeats too much; make its repeat counts smaller')
  if (compiled.size >= KEPT) compiled.delete(compiled.keys().next().value!)
  compiled.set(pattern, regex)
  return regex
}
