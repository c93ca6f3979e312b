import { describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { registry } from '../../src/registry.ts'
import { cli } from './fake-shell.ts'

const PASSWORD = 'contacts'
const systems = new Map([
  [
    'warehouse',
    {
      name: 'warehouse',
      definition: registry.sinks.postgres!,
      config: {
        url: `postgres://sync:${PASSWORD}@db.example.com/crm`,
        tables: { contacts: { table: 'crm.contacts', id: 'id', updatedAt: 'updated_at' } },
      },
    },
  ],
  ['nowhere', { name: 'nowhere', definition: registry.sinks.null!, config: {} }],
])
// A password that is also the name of a table: redaction would put a hole into the SQL.
const config: Partial<Config> = { systems, secrets: [PASSWORD] }

describe('postgres sql', () => {
  it('prints the SQL whole, and no password', async () => {
    const { stdout, code } = await cli(['postgres', 'sql', 'warehouse'], { config })
    expect(code).toBe(0)
    expect(stdout.text).toContain('create trigger twenty_sync_log after insert or update or delete on "crm"."contacts"')
    expect(stdout.text).toContain('grant select, delete on "public"."twenty_sync_changes" to "sync";')
    expect(stdout.text).not.toContain('redacted')
    expect(stdout.text).not.toContain('db.example.com')
  })

  it('prints what takes it away, and both as JSON', async () => {
    const { stdout } = await cli(['postgres', 'sql', 'warehouse', '--remove', '--json'], { config })
    const document = JSON.parse(stdout.text) as { system: string; sql: string }
    expect(document.system).toBe('warehouse')
    expect(document.sql).toContain('drop trigger if exists twenty_sync_log on "crm"."contacts";')
  })

  it('names the systems that there are', async () => {
    const { stderr, code } = await cli(['postgres', 'sql', 'nowhere'], { config })
    expect(code).toBe(1)
    expect(stderr.text).toContain('no system "nowhere" of type postgres; there is warehouse')
  })
})
