import Module, { createRequire, register } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NAME = 'twenty-sync'

/** In the sources the package's own entry is not built yet. */
const entry = import.meta.url.endsWith('.ts')
  ? fileURLToPath(new URL('../../index.ts', import.meta.url))
  : createRequire(import.meta.url).resolve(NAME)

const HOOK = `
let entry
export function initialize(given) { entry = given }
export async function resolve(specifier, context, next) {
  if (specifier !== '${NAME}') return next(specifier, context)
  try { return await next(specifier, context) } catch { return next(entry, context) }
}`

interface Resolver {
  _resolveFilename(request: string, ...rest: unknown[]): string
}

let isOffered = false

/**
 * `import … from 'twenty-sync'` finds this package in every code file, also where the command alone is installed and
 * the file's folder has no packages. One that is installed beside the file comes first.
 */
export function offerOwnPackage(): void {
  if (isOffered) return
  isOffered = true
  register(`data:text/javascript,${encodeURIComponent(HOOK)}`, { data: pathToFileURL(entry).href })
  // Without a package.json of type `module` beside it the file is compiled to CommonJS, which hooks do not reach.
  const resolver = Module as unknown as Resolver
  const resolve = resolver._resolveFilename
  resolver._resolveFilename = function (request, ...rest) {
    try {
      return resolve.call(this, request, ...rest)
    } catch (error) {
      if (request === NAME) return resolve.call(this, entry, ...rest)
      throw error
    }
  }
}
