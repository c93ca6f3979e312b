import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { reason } from '../../config/references.ts'
import type { Fields } from '../../event.ts'
import { parseJson } from '../../json.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { plain } from '../output/text.ts'
import type { Session } from '../session.ts'
import type { Shell } from '../shell.ts'

interface TriggerOptions {
  readonly data: string
  readonly id?: string
}

export const addTrigger: AddCommand = (program, runner) => {
  const command = program
    .command('trigger')
    .summary('Append an event as if it had come in.')
    .argument(
      '<source>',
      'as a flow names it in `from`: <connector>, <connector>.<object> or <connector>.<object>.<action>',
    )
    .description('Append an event to the topic of a connector, as if it had come in.')
    .requiredOption('--data <json>', 'the record or body: JSON, @<file>, or - for stdin')
    .option('--id <id>', 'id of the record; default: `id` of the data, else a new one')
    .action(
      runner.run(async (session: Session, { data, id }: TriggerOptions, source: string) => {
        const [connector = '', object, action] = source.split('.')
        const query = {
          connector,
          ...(object && { object }),
          ...(action && { action }),
          ...(id && { id }),
          data: await readData(session, data),
        }
        await session.onInstallation(async ({ operations, live }) => {
          const event = await operations.trigger(query)
          const next = live
            ? `see \`twenty-sync events show ${event.id}\``
            : 'no daemon runs: flows that ran before take it when one does'
          await session.result(
            event,
            () => `${plain(event.type)} ${plain(event.subject)} is in ${event.topic}; ${next}`,
          )
        })
        return undefined
      }),
    )
  withExamples(command, [
    [`twenty-sync trigger lead-form --data '{"email":"ada@example.com"}'`, 'as if the form had been sent'],
    ['twenty-sync trigger twenty.person.created --data @person.json', 'as if Twenty had reported a new person'],
  ])
}

async function readData({ shell }: Session, given: string): Promise<Fields> {
  const value = parsed(await textOf(shell, given))
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new UsageError('--data must be a JSON object, like {"email":"ada@example.com"}')
}

function parsed(text: string): unknown {
  try {
    return parseJson(Buffer.from(text))
  } catch (thrown) {
    const why = (thrown as Error).message.replace(/^the body/, 'it')
    throw new UsageError(
      `--data cannot be used: ${why}; it takes JSON like {"email":"ada@example.com"}, @<file>, or - for stdin`,
    )
  }
}

async function textOf(shell: Shell, given: string): Promise<string> {
  if (given === '-') return shell.stdin.text()
  if (!given.startsWith('@')) return given
  try {
    return await readFile(resolve(shell.folder, given.slice(1)), 'utf8')
  } catch (thrown) {
    throw new UsageError(`--data: ${given.slice(1)} cannot be read: ${reason(thrown)}`)
  }
}
