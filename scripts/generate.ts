import { type Generated, outdated, writeAll } from './generate/files.ts'
import { registrySource } from './generate/registry.ts'

/** Writes what follows from the components. With `--check` it writes nothing and fails where a file is not as it would be. */
const check = process.argv.includes('--check')
const generated: Generated[] = [registrySource()]
const stale = outdated(generated)
if (!check) writeAll(generated)
for (const { file } of stale)
  process.stdout.write(check ? `${file} is stale: run \`npm run generate\`\n` : `wrote ${file}\n`)
if (check && stale.length > 0) process.exitCode = 1
