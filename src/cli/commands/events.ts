import type { Command } from 'commander'
import { SyncError } from '../../errors.ts'
import type { EventSummary } from '../../runtime/operations.ts'
import { type AddCommand, type CommandRunner, wholeNumber, withExamples } from '../command.ts'
import { interruptible } from '../interrupt.ts'
import { eventLine, eventsText } from '../output/events-text.ts'
import { storyText } from '../output/story-text.ts'
import { readPosition } from '../position.ts'
import type { Session } from '../session.ts'

interface ListOptions {
  readonly topic?: string
  readonly limit: number
  readonly from?: string
  readonly where?: string
}

export const addEvents: AddCommand = (program, runner) => {
  const events = program.command('events').description('Look at the events in the log.')
  addList(events, runner)
  addShow(events, runner)
  addTail(events, runner)
}

function addList(events: Command, runner: CommandRunner): void {
  const command = events
    .command('list')
    .description('List the newest events, oldest first.')
    .option('--topic <topic>', 'only of this topic: its full name, or <connector>.<object>')
    .option('--limit <count>', 'at most so many', wholeNumber(1), 20)
    .option('--from <position>', 'from here on: a time, an age (2h), partition:offset, earliest')
    .option('--where <expression>', 'only those for which this CEL expression over `event` and `data` is true')
    .action(
      runner.run(async (session: Session, { topic, limit, from, where }: ListOptions) => {
        const start = from === undefined ? undefined : await readPosition(from, '--from', session.now)
        const query = { limit, ...(topic && { topic }), ...(where && { where }), ...(start && { from: start }) }
        const found = await session.onInstallation(({ operations }) => operations.listEvents(query))
        await session.result(found, () => eventsText(found, session))
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync events list', 'the newest 20 of all connectors'],
    ['twenty-sync events list --topic twenty.person --from 2h', 'what happened to people in the last two hours'],
    [`twenty-sync events list --where "data.jobTitle == 'CTO'" --limit 100`, 'events of records with that job title'],
  ])
}

function addShow(events: Command, runner: CommandRunner): void {
  const command = events
    .command('show')
    .argument('<id>', 'its id or a unique beginning of it, or <topic>/<partition>/<offset>')
    .description('Tell the whole way of one event: where it came from, what it holds, and what each flow did with it.')
    .action(
      runner.run(async (session: Session, _options: object, id: string) => {
        const story = await session.onInstallation(({ operations }) => operations.showEvent({ id }))
        await session.result(story, () => storyText(story, session))
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync events show 3f2a9c1e', 'by the beginning of its id'],
    ['twenty-sync events show twenty.person/0/1523', 'by its place'],
  ])
}

function addTail(events: Command, runner: CommandRunner): void {
  const command = events
    .command('tail')
    .description('Show events as they come in, until Ctrl-C.')
    .option('--topic <topic>', 'only of this topic: its full name, or <connector>.<object>')
    .option('--where <expression>', 'only those for which this CEL expression over `event` and `data` is true')
    .action(
      runner.run(async (session: Session, { topic, where }: { topic?: string; where?: string }) => {
        const query = { ...(topic && { topic }), ...(where && { where }) }
        await interruptible(session.shell, signal =>
          session.onInstallation(async ({ operations, alone }) => {
            if (alone)
              throw new SyncError('retryable', 'NOT_RUNNING', 'no daemon runs on this config: nothing comes in')
            for await (const event of operations.tailEvents(query, signal)) await showLine(session, event)
          }),
        )
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync events tail', 'everything'],
    [`twenty-sync events tail --json --where "event.type == 'person.created'"`, 'new people, one JSON line each'],
  ])
}

async function showLine(session: Session, event: EventSummary): Promise<void> {
  await session.result(event, () => eventLine(event, session))
}
