import { type Generated, leftOver, outdated, remove, writeAll } from './generate/files.ts'
import { registrySource } from './generate/registry.ts'

/** Writes what follows from the components. With `--check` it writes nothing, and fails where a file is not as it would be. */
const check = process.argv.includes('--check')
// First of all: the other files are made from what it lists.
const registryFile = brought([registrySource()])
const made = await fromDefinitions()
const stale = [...registryFile, ...brought(made)]
const gone = leftOver(made.filter(({ file }) => file.startsWith('docs/reference/')))
if (!check) remove(gone)
for (const { file } of stale) {
  process.stdout.write(check ? `${file} is stale: run \`npm run generate\`\n` : `wrote ${file}\n`)
}
for (const file of gone) {
  process.stdout.write(check ? `${file} is of nothing any more: run \`npm run generate\`\n` : `removed ${file}\n`)
}
if (check && stale.length + gone.length > 0) process.exitCode = 1

function brought(generated: readonly Generated[]): readonly Generated[] {
  const stale = outdated(generated)
  if (!check) writeAll(stale)
  return stale
}

async function fromDefinitions(): Promise<Generated[]> {
  const { registry } = await import('../src/registry.ts')
  const { editorSchema } = await import('./generate/editor-schema.ts')
  const { testSchema } = await import('./generate/test-schema.ts')
  const { referencePages } = await import('./generate/reference.ts')
  const { expressionsPage } = await import('./generate/expressions-page.ts')
  const { cliPage } = await import('./generate/cli-page.ts')
  const { errorsPage } = await import('./generate/errors-page.ts')
  return [editorSchema(registry), testSchema(), ...referencePages(registry), expressionsPage(), cliPage(), errorsPage()]
}
