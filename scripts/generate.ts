import { type Generated, outdated, writeAll } from './generate/files.ts'
import { registrySource } from './generate/registry.ts'

/** Writes what follows from the components. With `--check` it writes nothing, and fails where a file is not as it would be. */
const check = process.argv.includes('--check')
// First of all: the other files are made from what it lists.
const stale = [...brought([registrySource()]), ...brought(await fromDefinitions())]
for (const { file } of stale) {
  process.stdout.write(check ? `${file} is stale: run \`npm run generate\`\n` : `wrote ${file}\n`)
}
if (check && stale.length > 0) process.exitCode = 1

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
