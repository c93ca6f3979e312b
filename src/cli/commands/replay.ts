import { Option } from 'commander'
import type { ReplayArguments } from '../../runtime/operations.ts'
import type { PlannedWrite, ReplayProgress } from '../../runtime/replay.ts'
import { type AddCommand, wholeNumber, withExamples } from '../command.ts'
import { EXIT, Interrupted } from '../exit-code.ts'
import { interruptible } from '../interrupt.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { outcomeText, progressText, replayShare } from '../output/replay-progress.ts'
import { count, counted, plain } from '../output/text.ts'
import { writeText } from '../output/write-diff.ts'
import { positionText, readPosition } from '../position.ts'
import type { Session } from '../session.ts'

interface ReplayOptions {
  readonly from: string
  readonly to?: string
  readonly where?: string
  readonly dryRun?: boolean
  readonly effects: 'safe' | 'all'
  readonly rate?: number
  readonly diffs: number
}

export const addReplay: AddCommand = (program, runner) => {
  const command = program
    .command('replay')
    .summary('Read a range of the log again through a flow.')
    .argument('<flow>', 'name of the flow')
    .description(
      'Read a range of the log again through a flow as it is configured now, in a group of its own, behind live traffic. After an interruption the same command goes on where it was.',
    )
    .requiredOption('--from <position>', 'first event: a time, an age (2h, 3d), partition:offset (0:1500), earliest')
    .option('--to <position>', 'stop before it; default: what is the end when the replay begins')
    .option('--where <expression>', 'only events for which this CEL expression over `event` and `data` is true')
    .option('--dry-run', 'write nothing; show what would be written, field by field')
    .addOption(
      new Option(
        '--effects <class>',
        'which effects run: only those that are safe to repeat, or all that were never done',
      )
        .choices(['safe', 'all'])
        .default('safe'),
    )
    .option('--rate <count>', 'events per second at most; 0 is as fast as it goes; default 1000', wholeNumber(0))
    .option('--diffs <count>', 'with --dry-run: show so many writes, then only count', wholeNumber(0), 100)
    .action(runner.run((session: Session, options: ReplayOptions, flow: string) => replay(session, options, flow)))
  withExamples(command, [
    ['twenty-sync replay web-form-leads --from 2h --dry-run', 'what the last two hours would write now'],
    ['twenty-sync replay web-form-leads --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z', 'one day again'],
    [`twenty-sync replay scoring --from earliest --where "data.jobTitle == 'CTO'" --rate 50`, 'some, slowly'],
  ])
}

async function replay(session: Session, options: ReplayOptions, flow: string): Promise<number | undefined> {
  const query = await queryOf(options, flow, session.now)
  const view = new ReplayView(session, flow, options)
  return interruptible(session.shell, signal =>
    session.onInstallation(async ({ operations }) => {
      let last: ReplayProgress | undefined
      try {
        for await (const progress of operations.replay(query, signal)) {
          last = progress
          await view.show(progress)
        }
      } catch (thrown) {
        await view.failed(last)
        throw thrown
      }
      if (last?.finished) {
        await view.finished(last)
        return undefined
      }
      await view.interrupted(query, last)
      const { reason } = signal
      return reason instanceof Interrupted ? reason.code : EXIT.runtime
    }),
  )
}

async function queryOf(options: ReplayOptions, flow: string, now: number): Promise<ReplayArguments> {
  const { from, to, where, dryRun, effects, rate } = options
  return {
    flow,
    from: await readPosition(from, '--from', now),
    effects,
    ...(to !== undefined && { to: await readPosition(to, '--to', now) }),
    ...(where && { where }),
    ...(dryRun && { dryRun }),
    ...(rate !== undefined && { perSecond: rate }),
  }
}

class ReplayView {
  readonly #session: Session
  readonly #flow: string
  readonly #progress: ProgressLine
  readonly #dryRun: boolean
  readonly #most: number
  readonly #writes = new Map<string, number>()
  #asWanted = 0
  #shown = 0
  #saidResumed = false

  constructor(session: Session, flow: string, { dryRun = false, diffs }: ReplayOptions) {
    this.#session = session
    this.#flow = flow
    this.#progress = new ProgressLine(session.shell.stderr, session.talkStyle, session.shell.clock)
    this.#dryRun = dryRun
    this.#most = diffs
  }

  async show(progress: ReplayProgress): Promise<void> {
    if (this.#session.json) return this.#session.print(JSON.stringify(this.#document(progress)))
    if (progress.resumed && !this.#saidResumed) {
      this.#saidResumed = true
      await this.#session.say(`goes on at event ${count(progress.read)} of ${count(progress.total)}`)
    }
    for (const write of progress.plans) await this.#plan(write)
    if (!progress.finished) await this.#progress.show(progressText(progress), replayShare(progress))
  }

  async #plan(write: PlannedWrite): Promise<void> {
    if (write.operation === 'none') this.#asWanted++
    const text = writeText(write, this.#session.style)
    if (text === undefined) return
    const object = write.target?.split('/')[0]
    const what = object ? `${write.operation} ${object}` : write.operation
    this.#writes.set(what, (this.#writes.get(what) ?? 0) + 1)
    if (++this.#shown > this.#most) return
    await this.#progress.clear()
    await this.#session.print(`${text}\n`)
  }

  /** The last line says what a person has to look at. */
  #document(progress: ReplayProgress): object {
    if (!progress.finished || !this.#left(progress)) return progress
    return { ...progress, deadLetters: { count: progress.dead, list: listCommand(this.#flow) } }
  }

  #left({ dead }: ReplayProgress): boolean {
    return dead > 0 && !this.#dryRun
  }

  #deadText({ dead }: ReplayProgress): string {
    return `${counted(dead, 'event')} became ${dead === 1 ? 'a dead letter' : 'dead letters'}: ${listCommand(this.#flow)}`
  }

  async finished(progress: ReplayProgress): Promise<void> {
    if (this.#session.json) return
    await this.#progress.clear()
    const found = `${count(progress.matched)} of ${counted(progress.found, 'event')}`
    if (this.#dryRun) return this.#session.print(this.#dryRunText(found, progress))
    const since = progress.resumed ? ' since it went on' : ''
    await this.#session.print(`replayed ${found}${since}: ${outcomeText(progress)}`)
    if (this.#left(progress)) await this.#session.print(this.#deadText(progress))
  }

  async failed(progress: ReplayProgress | undefined): Promise<void> {
    await this.#progress.clear()
    if (!this.#session.json && progress && this.#left(progress)) await this.#session.say(this.#deadText(progress))
  }

  #dryRunText(matched: string, { dead, lastError }: ReplayProgress): string {
    const hidden = this.#shown > this.#most ? [`${count(this.#shown - this.#most)} more not shown (--diffs)`] : []
    const writes = [...this.#writes].map(([what, times]) => `${count(times)} x ${what}`)
    const summary = writes.length > 0 ? writes.join(', ') : 'nothing'
    const equal = this.#asWanted > 0 ? `; ${count(this.#asWanted)} already as wanted` : ''
    const cause = lastError ? `, the last with ${lastError.code}: ${plain(lastError.message)}` : ''
    const failing = dead > 0 ? [`${counted(dead, 'event')} would fail${cause}`] : []
    return [...hidden, `dry run of ${matched}: would write ${summary}${equal}`, ...failing].join('\n')
  }

  /** With the range as it was understood: an age would name another one by then. */
  async interrupted(query: ReplayArguments, progress: ReplayProgress | undefined): Promise<void> {
    await this.failed(progress)
    if (!this.#session.json) await this.#session.say(`interrupted; to go on: ${commandOf(query)}`)
  }
}

function listCommand(flow: string): string {
  return `twenty-sync dead-letters list --flow ${flow}`
}

function commandOf({ flow, from, to, where, dryRun, effects, perSecond }: ReplayArguments): string {
  return [
    `twenty-sync replay ${flow} --from ${positionText(from)}`,
    ...(to === undefined ? [] : [`--to ${positionText(to)}`]),
    ...(where ? [`--where '${where.replaceAll("'", "'\\''")}'`] : []),
    ...(dryRun ? ['--dry-run'] : []),
    ...(effects === 'all' ? ['--effects all'] : []),
    ...(perSecond === undefined ? [] : [`--rate ${perSecond}`]),
  ].join(' ')
}
