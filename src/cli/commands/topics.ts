import { SyncError } from '../../errors.ts'
import type { TopicInfo } from '../../log/event-log.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { type Column, table } from '../output/table.ts'
import { count, counted } from '../output/text.ts'
import type { Session } from '../session.ts'

export const addTopics: AddCommand = (program, runner) => {
  const command = program
    .command('topics')
    .summary('List topics: partitions, offsets, groups, lag.')
    .argument('[topic]', 'only this one, partition by partition')
    .description('List the topics of the log: partitions, offsets, and how far each group is, on either engine.')
    .action(
      runner.run(async (session: Session, _options: object, name?: string) => {
        const all = await session.onInstallation(({ operations }) => operations.topics())
        const topics = name === undefined ? all : [named(all, name)]
        await session.result(topics, () =>
          name === undefined ? listText(topics, session) : detailText(topics[0]!, session),
        )
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync topics', 'every topic and its groups'],
    ['twenty-sync topics lead-form.form', 'one topic, partition by partition'],
  ])
}

/** The full name, or what follows the prefix of all names. */
function named(topics: readonly TopicInfo[], name: string): TopicInfo {
  const topic = topics.find(({ topic }) => topic === name) ?? topics.find(({ topic }) => topic.endsWith(`.${name}`))
  if (topic) return topic
  const known = topics.map(({ topic }) => topic).join(', ') || 'none'
  throw new SyncError('rejected', 'NO_SUCH_TOPIC', `no topic "${name}"; there is ${known}`)
}

interface Line {
  readonly topic: string
  readonly partitions: string
  readonly events: string
  readonly offsets: string
  readonly group: string
  readonly committed: string
  readonly lag: string
}

const COLUMNS: readonly Column<Line>[] = [
  { title: 'TOPIC', value: line => line.topic, shrinks: true },
  { title: 'PARTITIONS', value: line => line.partitions, align: 'right' },
  { title: 'OFFSETS', value: line => line.offsets, align: 'right' },
  { title: 'EVENTS', value: line => line.events, align: 'right' },
  { title: 'GROUP', value: line => line.group, shrinks: true },
  { title: 'COMMITTED', value: line => line.committed, align: 'right' },
  { title: 'LAG', value: line => line.lag, align: 'right' },
]

const EMPTY: Line = { topic: '', partitions: '', events: '', offsets: '', group: '', committed: '', lag: '' }

/** A line per topic; its second and further groups follow on lines of their own. */
function listText(topics: readonly TopicInfo[], { width, style }: Session): string {
  if (topics.length === 0) return 'no topics yet: they are made when the daemon starts'
  const lines = topics.flatMap(({ topic, partitions, groups }) => {
    const events = partitions.reduce((sum, { begin, end }) => sum + end - begin, 0)
    const own = { ...EMPTY, topic, partitions: count(partitions.length), events: count(events) }
    const readers = groups.map(({ group, lag }) => ({ group, lag: count(lag) }))
    const [first, ...others] = readers
    return [{ ...own, ...first }, ...others.map(other => ({ ...EMPTY, ...other }))]
  })
  return table(lines, COLUMNS, { width, head: style.dim })
}

function detailText({ topic, partitions, groups }: TopicInfo, { width, style }: Session): string {
  const events = partitions.reduce((sum, { begin, end }) => sum + end - begin, 0)
  const lines = partitions.flatMap(({ partition, begin, end }) => {
    const own = {
      ...EMPTY,
      partitions: String(partition),
      events: count(end - begin),
      offsets: `${begin}..${end}`,
    }
    const readers = groups.map(({ group, committed }) => {
      const at = committed[partition]
      return {
        group,
        committed: at === undefined ? 'none' : String(at),
        lag: count(end - Math.max(begin, at ?? begin)),
      }
    })
    const [first, ...others] = readers
    return [{ ...own, ...first }, ...others.map(other => ({ ...EMPTY, ...other }))]
  })
  const columns = COLUMNS.map(column => (column.title === 'PARTITIONS' ? { ...column, title: 'PARTITION' } : column))
  const head = `${style.bold(topic)}  ${counted(partitions.length, 'partition')}, ${counted(events, 'event')}`
  return `${head}\n${table(lines, columns, { width, head: style.dim })}`
}
