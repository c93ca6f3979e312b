import { viewOf } from '../../src/config/schema-view.ts'
import { TestSchema } from '../../src/testing/test-schema.ts'
import { forEditor, REFERENCE } from './editor-schema.ts'
import type { Generated } from './files.ts'

/** For the YAML language server, beside that of configs. */
export function testSchema(): Generated {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'twenty-sync config tests',
    ...forEditor(viewOf(TestSchema)),
    definitions: { reference: REFERENCE },
  }
  return { file: 'config/test.schema.json', content: `${JSON.stringify(schema, null, 2)}\n` }
}
