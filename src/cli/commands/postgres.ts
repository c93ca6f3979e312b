import type { PostgresConfig } from '../../clients/postgres/config.ts'
import { removalSql, setupSql } from '../../clients/postgres/setup-sql.ts'
import type { Config } from '../../config/config.ts'
import { SyncError } from '../../errors.ts'
import { type AddCommand, withExamples } from '../command.ts'
import type { Session } from '../session.ts'

export const addPostgres: AddCommand = (program, runner) => {
  const group = program.command('postgres').summary('Prepare a Postgres database for polls that see everything.')
  group.description('Prepare a Postgres database for polls that see everything, at once.')
  const command = group
    .command('sql')
    .summary('Print the SQL that a database needs; nothing is run.')
    .argument('<system>', 'a system of type postgres')
    .option('--remove', 'the SQL that takes all of it away again')
    .description(
      'Print the SQL that a database needs: triggers that move updatedAt, log deletes and touched columns, and notify; and indexes for the polls. It is never run by twenty-sync. Read it, then run it as the owner of the tables. Without it the polls work by updatedAt alone, and deletes are found by reconciliation.',
    )
    .action(
      runner.run(async (session: Session, { remove = false }: { remove?: boolean }, name: string) => {
        const config = postgresConfig(await session.loadConfig(), name)
        const sql = remove ? removalSql(name, config) : setupSql(name, config)
        // Not redacted, because SQL with holes does harm; names of roles, tables and columns are all that is in it.
        await session.shell.stdout.write(session.json ? `${JSON.stringify({ system: name, sql })}\n` : sql)
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync postgres sql warehouse', 'to read, and to run with psql'],
    ['twenty-sync postgres sql warehouse --remove', 'when the database is no longer to be kept in step'],
  ])
}

function postgresConfig({ systems }: Config, name: string): PostgresConfig {
  const system = systems.get(name)
  if (system?.definition.type === 'postgres') return system.config as unknown as PostgresConfig
  const known = [...systems.values()].filter(({ definition }) => definition.type === 'postgres')
  const names = known.map(each => each.name).join(', ') || 'none'
  throw new SyncError('rejected', 'NO_SUCH_SYSTEM', `no system "${name}" of type postgres; there is ${names}`)
}
