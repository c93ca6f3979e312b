import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { nearest } from '../nearest.ts'

/** Environment variables. */
export type Variables = Readonly<Record<string, string | undefined>>

export interface ResolvedText {
  readonly text: string
  /** What the references stood for, in order. */
  readonly references: readonly string[]
  /** One reference and nothing else. */
  readonly whole: boolean
  /** A reference could not be resolved, and that was reported. */
  readonly unresolved: boolean
}

type Report = (message: string, suggestion?: string) => void

const REFERENCE = /\$\$\{|\$\{([^{}]*)(\}?)/g
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Replaces `${NAME}` and `${file:path}`; `$${` stands for `${`. What was put in is not looked at again.
 * @param folder where relative paths begin: that of the file in which the text is written.
 */
export function resolveReferences(
  source: string,
  { variables, folder }: { variables: Variables; folder: string },
  report: Report,
): ResolvedText {
  const references: string[] = []
  let unresolved = false
  const text = source.replace(REFERENCE, (written: string, name: string | undefined, end: string) => {
    if (name === undefined) return '${'
    const value = end === '' ? unclosed(report) : standsFor(name.trim(), variables, folder, report)
    if (value === undefined) unresolved = true
    else references.push(value)
    return value ?? written
  })
  return { text, references, whole: /^\$\{[^{}]*\}$/.test(source), unresolved }
}

function standsFor(name: string, variables: Variables, folder: string, report: Report): string | undefined {
  if (name.startsWith('file:')) return fromFile(resolve(folder, name.slice('file:'.length).trim()), report)
  if (VARIABLE.test(name)) return fromVariable(name, variables, report)
  const forms = '${NAME} for an environment variable, ${file:./path} for a file, $${ for the characters themselves'
  report(`\`\${${name}}\` is not a reference`, forms)
  return undefined
}

function fromVariable(name: string, variables: Variables, report: Report): string | undefined {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined
  if (value !== undefined) return value
  const known = Object.keys(variables).filter(each => variables[each] !== undefined)
  const meant = nearest(name, known)
  report(
    `the environment variable ${name} is not set`,
    meant ? `\${${meant}}` : `a line ${name}=… in .env, or export ${name}=…`,
  )
  return undefined
}

function fromFile(file: string, report: Report): string | undefined {
  try {
    // Editors end a file with a line break that is no part of a secret.
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    report(`the file ${file} cannot be read: ${reason(error)}`)
    return undefined
  }
}

function unclosed(report: Report): undefined {
  report('`${` begins a reference, and its `}` is missing', '$${ stands for the characters themselves')
  return undefined
}

/** Why a file could not be read, in few words. */
export function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return 'it does not exist'
  if (code === 'ENOTDIR') return 'a part of its path is no folder'
  if (code === 'EROFS') return 'the disk is read-only'
  if (code === 'EACCES') return 'permission is missing'
  if (code === 'EISDIR') return 'it is a folder'
  return code ?? String(error)
}
