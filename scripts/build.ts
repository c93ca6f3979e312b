/** `npm run build`: the daemon as few files, in dist/. Types are checked by `npm run typecheck`. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'

const ROOT = resolve(import.meta.dirname, '..')

/** Have native code, start workers or compilers, are reached into by their files, or loaded late by `require`: they stay packages. */
const PACKAGES_LEFT_OUT = [
  '@bokuweb/zstd-wasm',
  '@kafkajs/confluent-schema-registry',
  '@photostructure/sqlite',
  'kafkajs',
  'kafkajs-snappy',
  'liquidjs',
  'lz4js',
  'tsx',
]

/** Loading 1,200 small files took a second; these few take a third of that and 18 MB less. */
export async function bundle(folder: string): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [
      'src/cli/main.ts',
      'src/index.ts',
      'sandbox/twenty/server.ts',
      'sandbox/twenty/workspace.ts',
      'sandbox/all.ts',
    ],
    // As in the sources: main.js looks for package.json and for the sandbox from its own place.
    outbase: '.',
    outdir: folder,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: PACKAGES_LEFT_OUT,
    // CommonJS packages ask for Node's own modules this way.
    banner: {
      js: "import { createRequire as createRequireOfNode } from 'node:module'; const require = createRequireOfNode(import.meta.url);",
    },
    sourcemap: 'linked',
    metafile: true,
    logLevel: 'warning',
  })
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), licences(metafile))
  removeOthers(folder, metafile)
  declare(folder)
}

/** Types of what authors of code files import. */
function declare(folder: string): void {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const options = '--ignoreConfig --declaration --emitDeclarationOnly --module nodenext --target es2023 --types'.split(
    ' ',
  )
  const entry = join(ROOT, 'src/index.ts')
  execFileSync(
    process.execPath,
    [tsc, ...options, 'node', '--allowImportingTsExtensions', '--rootDir', ROOT, '--outDir', folder, entry],
    { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] },
  )
}

/** The licences of the packages whose code is now in our files, as they ask for. */
function licences({ inputs }: Metafile): string {
  const folders = new Set(
    Object.keys(inputs).flatMap(path => /^.*node_modules\/(@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []),
  )
  return [...folders].sort().map(licenceOf).join('\n')
}

function licenceOf(folder: string): string {
  const at = join(ROOT, folder)
  const { name, version, license } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as Record<
    string,
    string
  >
  const file = readdirSync(at).find(entry => /^licen[cs]e/i.test(entry))
  const text = file ? readFileSync(join(at, file), 'utf8').trim() : `${license}`
  return `${name} ${version} (${license})\n\n${text}\n\n`
}

/** Last, so that a daemon that is being started finds its files at any moment. */
function removeOthers(folder: string, { outputs }: Metafile): void {
  const written = new Set(Object.keys(outputs).map(path => resolve(ROOT, path)))
  written.add(resolve(folder, 'THIRD-PARTY-LICENSES.txt'))
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = resolve(entry.parentPath, entry.name)
    if (!entry.isDirectory() && !written.has(path)) rmSync(path)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(join(ROOT, 'dist'))
  console.log(`built ${relative(process.cwd(), join(ROOT, 'dist')) || '.'}`)
}
