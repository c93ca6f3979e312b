import type { Fields } from '../../event.ts'
import type { LaunchPlace } from '../../runtime/launch.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { launchEnded, launchList, launchOneWaited, showLaunch } from '../launch.ts'
import { readFields } from '../launch-data.ts'
import { plain } from '../output/text.ts'
import type { Session } from '../session.ts'

interface TriggerOptions {
  readonly data?: string
  readonly id?: string
  readonly list?: string
  readonly where?: string
  readonly wait?: boolean
  readonly report?: string
}

export const addTrigger: AddCommand = (program, runner) => {
  const command = program
    .command('trigger')
    .summary('Append an event as if it had come in, or one for each record of a list.')
    .argument(
      '<source>',
      'as a flow names it in `from`: <connector>, <connector>.<object> or <connector>.<object>.<action>',
    )
    .description(
      'Append an event to the topic of a connector, as if it had come in. A list gives an event for each of its records, as one run with one report.',
    )
    .option('--data <json>', 'the record, body or parameters: JSON, @<file>, or - for stdin')
    .option('--id <id>', 'id of the record; default: `id` of the data, else a new one')
    .option(
      '--list <file>',
      'a record a line, as JSON (JSONL), or - for stdin; --data is then what all of them have beside',
    )
    .option('--where <expression>', 'only records of the list for which this CEL over `data` is true')
    .option('--wait', 'until every flow is done with it, or waits to try again later; shows how far it is')
    .option('--report <run>', 'append nothing; show what became of the events of an earlier list')
    .action(
      runner.run(async (session: Session, options: TriggerOptions, source: string) => {
        refuseMixtures(options)
        const [connector = '', object, action] = source.split('.')
        const place = { connector, ...(object && { object }), ...(action && { action }) }
        if (options.report !== undefined) return showReport(session, place, options.report, options.wait ?? false)
        if (options.list !== undefined) return launchList(session, place, { ...options, list: options.list })
        return launchOne(session, place, options)
      }),
    )
  withExamples(command, [
    [`twenty-sync trigger lead-form --data '{"email":"ada@example.com"}'`, 'as if the form had been sent'],
    ['twenty-sync trigger twenty.person.created --data @person.json', 'as if Twenty had reported a new person'],
    ['twenty-sync trigger newsletter --wait', 'launches a connector of type manual, and shows how far it is'],
    [
      `twenty-sync trigger import --list people.jsonl --where "data.country == 'DE'" --data '{"campaign":"spring"}' --wait`,
      'a run over the records of a file, and what became of them',
    ],
  ])
}

function refuseMixtures({ data, id, list, where, wait, report }: TriggerOptions): void {
  if (report !== undefined && (data ?? id ?? list ?? where) !== undefined) {
    throw new UsageError('--report appends nothing, so it goes with no other option but --wait')
  }
  if (list !== undefined && id !== undefined) {
    throw new UsageError('--id is of one record: those of a --list have theirs in `id`, or where `key` says')
  }
  if (list === undefined && where !== undefined) {
    throw new UsageError('--where chooses from a --list; records of a system are chosen by a `find` step')
  }
  if (list === '-' && data === '-') throw new UsageError('--data and --list cannot both come from stdin')
  if (wait && id !== undefined)
    throw new UsageError('--id goes with no --wait: a run that is waited for has ids of its own')
}

async function launchOne(session: Session, place: LaunchPlace, { data, id, wait }: TriggerOptions) {
  const given: Fields | undefined = data === undefined ? undefined : await readFields(session, data, '--data')
  if (wait) return launchOneWaited(session, place, given)
  const query = { ...place, ...(id && { id }), ...(given && { data: given }) }
  await session.onInstallation(async ({ operations, live }) => {
    const event = await operations.trigger(query)
    const next = live
      ? `see \`twenty-sync events show ${event.id}\``
      : 'no daemon runs: flows that ran before take it when one does'
    await session.result(event, () => `${plain(event.type)} ${plain(event.subject)} is in ${event.topic}; ${next}`)
    return undefined
  })
}

async function showReport(session: Session, { connector, object }: LaunchPlace, run: string, wait: boolean) {
  const query = { connector, ...(object && { object }), run }
  const report = await session.onInstallation(({ operations, live }) =>
    wait && live ? launchEnded(session, operations, query) : operations.triggerReport(query),
  )
  return showLaunch(session, report)
}
