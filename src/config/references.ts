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

const PATTERN = /\$\$\{|\$\{([^{}]*)\}/g

/** Replaces `${NAME}` and `${file:path}`, relative to the folder; `$${` stands for `${`. */
export function resolveReferences(
  source: string,
  { variables, folder }: { variables: Variables; folder: string },
  report: (message: string, suggestion?: string) => void,
): ResolvedText {
  const references: string[] = []
  let unresolved = false
  const text = source.replace(PATTERN, (_match: string, name: string | undefined) => {
    if (name === undefined) return '${'
    const value = name.startsWith('file:')
      ? fromFile(resolve(folder, name.slice('file:'.length).trim()), report)
      : fromVariable(name.trim(), variables, report)
    if (value === undefined) unresolved = true
    else references.push(value)
    return value ?? ''
  })
  return { text, references, whole: /^\$\{[^{}]*\}$/.test(source), unresolved }
}

function fromVariable(
  name: string,
  variables: Variables,
  report: (message: string, suggestion?: string) => void,
): string | undefined {
  const value = variables[name]
  if (value !== undefined) return value
  const known = nearest(
    name,
    Object.keys(variables).filter(each => each.length > 2),
  )
  report(`the environment variable ${name} is not set`, known ? `set ${name}; there is ${known}` : `set ${name}`)
  return undefined
}

function fromFile(file: string, report: (message: string, suggestion?: string) => void): string | undefined {
  try {
    // Editors end a file with a line break that is no part of a secret.
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    report(`the file ${file} cannot be read: ${reason(error)}`)
    return undefined
  }
}

/** Why a file could not be read, in few words. */
export function reason(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error) return String(error.code)
  return error instanceof Error ? error.message : String(error)
}
