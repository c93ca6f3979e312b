import { pathToFileURL } from 'node:url'
import { SyncError } from '../../errors.ts'
import type { CodeFunction } from './define-code.ts'
import { offerOwnPackage } from './own-package.ts'

/** @throws SyncError fatal `CODE_NOT_LOADED`. */
export async function loadCode(file: string, name: string, where: string): Promise<CodeFunction> {
  const exported = await importFile(file, where)
  const found = exported[name]
  if (typeof found === 'function') return found as CodeFunction
  const known = Object.keys(exported).join(', ') || 'nothing'
  throw new SyncError(
    'fatal',
    'CODE_NOT_LOADED',
    `${where}: "${name}" is not an exported function; it exports ${known}`,
  )
}

async function importFile(file: string, where: string): Promise<Record<string, unknown>> {
  try {
    // Loaded on use: most configs have no code, and the compiler takes a moment to start.
    const { tsImport } = await import('tsx/esm/api')
    offerOwnPackage()
    return unwrapped(await tsImport(pathToFileURL(file).href, import.meta.url))
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new SyncError('fatal', 'CODE_NOT_LOADED', `${where} cannot be loaded: ${message}`, { cause })
  }
}

/** Beside no package.json of type `module` a file is compiled to CommonJS: its exports then all lie under `default`. */
function unwrapped(module: Record<string, unknown>): Record<string, unknown> {
  const inner = module.default
  return typeof inner === 'object' && inner !== null && '__esModule' in inner
    ? (inner as Record<string, unknown>)
    : module
}
