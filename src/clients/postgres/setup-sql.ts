import { shortHash } from '../../identity.ts'
import { CHANNEL, DEFAULT_CHANGES, type PostgresConfig, type TableConfig } from './config.ts'
import { LOG_TRIGGER } from './describe.ts'
import { quoteName, quoteTable, quoteText } from './quote.ts'

/** Last of the triggers before a row is written: they run in the order of their names. */
const STAMP_TRIGGER = 'zz_twenty_sync_stamp'

/** What a person with the right to do so runs once, to make polls exact and quick. May be run again after a change. */
export function setupSql(system: string, config: PostgresConfig): string {
  const parts = Object.entries(config.tables).map(([object, table]) => tableSql(object, table, config))
  return [
    head(system),
    'begin;',
    changesTable(config),
    ...parts,
    grants(config),
    'commit;',
    ...indexes(config),
    '',
  ].join('\n\n')
}

/** Takes all of it away again. */
export function removalSql(system: string, config: PostgresConfig): string {
  const drops = Object.values(config.tables).flatMap(({ table }) => [
    `drop trigger if exists ${STAMP_TRIGGER} on ${quoteTable(table)};`,
    `drop trigger if exists ${LOG_TRIGGER} on ${quoteTable(table)};`,
    `drop function if exists ${functionName(config, 'stamp', table)}(), ${functionName(config, 'log', table)}();`,
  ])
  const last = `drop table if exists ${changesName(config)};`
  return [`-- Removes what twenty-sync needs of ${comment(system)}.`, 'begin;', ...drops, last, 'commit;', ''].join(
    '\n',
  )
}

function head(system: string): string {
  return `-- For the system ${comment(system)} of twenty-sync, which prints this and runs none of it.
-- Run it as the owner of the tables: psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f this-file.sql
-- Rows without a time in their updatedAt column are not seen by polls until they change.`
}

function changesTable(config: PostgresConfig): string {
  const name = changesName(config)
  return `-- What was changed: read by the polls, and cleared of what is older than 30 days.
create table if not exists ${name} (
  position bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  table_name text not null,
  id text not null,
  op text not null check (op in ('insert', 'update', 'delete')),
  changed text[],
  by text,
  at timestamptz not null
);
create index if not exists ${quoteName(`${changesName(config).split('.').at(-1)!.replaceAll('"', '')}_xid`)} on ${name} (table_name, xid);`
}

function tableSql(object: string, settings: TableConfig, config: PostgresConfig): string {
  const { table } = settings
  const target = quoteTable(table)
  return `-- ${comment(object)}: ${comment(table)}
${stampFunction(settings, config)}
drop trigger if exists ${STAMP_TRIGGER} on ${target};
create trigger ${STAMP_TRIGGER} before insert or update on ${target}
  for each row execute function ${functionName(config, 'stamp', table)}();

${logFunction(settings, config)}
drop trigger if exists ${LOG_TRIGGER} on ${target};
create trigger ${LOG_TRIGGER} after insert or update or delete on ${target}
  for each row execute function ${functionName(config, 'log', table)}();`
}

/** The time of a row grows by a millisecond at least, so that no two of its states have the same. */
function stampFunction({ table, updatedAt }: TableConfig, config: PostgresConfig): string {
  const time = quoteName(updatedAt)
  return `create or replace function ${functionName(config, 'stamp', table)}() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set timezone = 'UTC' as ${quoteBody(`
begin
  if tg_op = 'INSERT' then
    new.${time} := date_trunc('milliseconds', clock_timestamp());
  elsif to_jsonb(new) - ${quoteText(updatedAt)} = to_jsonb(old) - ${quoteText(updatedAt)} then
    new.${time} := old.${time};
  else
    new.${time} := greatest(date_trunc('milliseconds', clock_timestamp()),
      date_trunc('milliseconds', old.${time}) + interval '1 millisecond');
  end if;
  return new;
end `)};`
}

/** With the rights of its owner: whoever may write the table need not be allowed to write what is logged. */
function logFunction({ table, id, updatedAt }: TableConfig, config: PostgresConfig): string {
  const time = quoteName(updatedAt)
  const key = quoteName(id)
  // A partition has a name of its own; without a schema in the config, the one of the table is not known here.
  const name = table.includes('.') ? quoteText(table) : `tg_table_schema || '.' || ${quoteText(table)}`
  const insert = `insert into ${changesName(config)} (table_name, id, op, changed, by, at)`
  return `create or replace function ${functionName(config, 'log', table)}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as ${quoteBody(`
declare
  named constant text := ${name};
  moved constant boolean := tg_op = 'UPDATE' and new.${key} is distinct from old.${key};
  touched text[];
begin
  if tg_op = 'UPDATE' and not (new *<> old) then
    return null;
  end if;
  if tg_op = 'DELETE' or moved then
    ${insert}
    values (named, old.${key}::text, 'delete', null, session_user,
      greatest(date_trunc('milliseconds', clock_timestamp()),
        date_trunc('milliseconds', old.${time}) + interval '1 millisecond'));
  end if;
  if tg_op <> 'DELETE' then
    if tg_op = 'UPDATE' and not moved then
      touched := array(select c.key from jsonb_each(to_jsonb(new)) c
        where c.key <> ${quoteText(updatedAt)} and c.value is distinct from to_jsonb(old) -> c.key);
    end if;
    ${insert}
    values (named, new.${key}::text, case when touched is null then 'insert' else 'update' end, touched, session_user,
      new.${time});
  end if;
  perform pg_notify(${quoteText(CHANNEL)}, json_build_object('table', named)::text);
  return null;
end `)};`
}

function grants(config: PostgresConfig): string {
  const role = decodeURIComponent(new URL(config.url).username) || 'postgres'
  return `grant select, delete on ${changesName(config)} to ${quoteName(role)};`
}

function indexes({ tables }: PostgresConfig): string[] {
  const all = Object.values(tables).map(({ table, updatedAt, id }) => {
    const name = quoteName(shortName(`twenty_sync_${table.split('.').at(-1)!}_updated`))
    return `create index concurrently if not exists ${name} on ${quoteTable(table)} (${quoteName(updatedAt)}, ${quoteName(id)});`
  })
  return [
    '-- Outside of a transaction, so that nobody waits for it. A partitioned table takes it without "concurrently".',
    ...all,
  ]
}

function changesName(config: PostgresConfig): string {
  return quoteTable(config.changes ?? DEFAULT_CHANGES)
}

/** Beside the table of changes. */
function functionName(config: PostgresConfig, what: 'stamp' | 'log', table: string): string {
  const [schema, changes] = (config.changes ?? DEFAULT_CHANGES).split('.')
  const name = quoteName(shortName(`twenty_sync_${what}_${table.replace('.', '_')}`))
  return changes === undefined ? name : `${quoteName(schema!)}.${name}`
}

/** Postgres cuts longer names off, and then two may be one. */
function shortName(name: string): string {
  return Buffer.byteLength(name) <= 63 ? name : `twenty_sync_${shortHash(name)}`
}

/** Between marks that are not in it: names are in it that a config gave. */
function quoteBody(body: string): string {
  let mark = '$sync$'
  for (let count = 1; body.includes(mark); count++) mark = `$sync${count}$`
  return `${mark}${body}${mark}`
}

/** A line of a comment must stay one. */
function comment(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ')
}
