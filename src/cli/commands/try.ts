import { type AddCommand, collect, withExamples } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { interruptible } from '../interrupt.ts'
import { readFields } from '../launch-data.ts'
import { trialDocument, trialText } from '../output/trial-text.ts'
import type { Session } from '../session.ts'

interface TryOptions {
  readonly from?: string
  readonly id?: string
  readonly changed?: readonly string[]
  readonly answers?: string
}

export const addTry: AddCommand = (program, runner) => {
  const command = program
    .command('try')
    .summary('Run one sample event through a flow against the real systems, and write nothing.')
    .argument('<flow>', 'name of the flow')
    .argument('<sample>', 'the record or body: a file with JSON, or - for stdin')
    .description(
      'Run one sample event through a flow against the real systems, which are only read: shows what each step gave and what would be written, field by field. It neither knows nor changes what the flow has done before, so that a sample is never a duplicate.',
    )
    .option('--from <source>', "what it is an event of, where the flow reads several: as in the flow's `from`")
    .option('--id <id>', 'id of the record; default: `id` of the data, else a new one')
    .option('--changed <field>', 'a field that changed; may be given more than once', collect)
    .option(
      '--answers <json>',
      'what steps give that are not carried out, by their id, as later steps see it: JSON, @<file>, or - for stdin',
    )
    .action(
      runner.run((session: Session, options: TryOptions, flow: string, sample: string) =>
        attempt(session, options, flow, sample),
      ),
    )
  withExamples(command, [
    ['twenty-sync try web-form-leads sample.json', 'what a lead like this would write'],
    [
      'twenty-sync try invoices won.json --from twenty.opportunity.updated --changed stage',
      'as if a stage had changed',
    ],
    [
      `twenty-sync try leads lead.json --answers '{"enrol":{"status":201,"body":{"id":"e1"}}}'`,
      'as if the step `enrol` had been answered so',
    ],
  ])
}

async function attempt(
  session: Session,
  options: TryOptions,
  flow: string,
  sample: string,
): Promise<number | undefined> {
  const { from, id, changed, answers } = options
  const data = await readFields(session, sample === '-' ? sample : `@${sample}`, '<sample>')
  const config = await session.loadConfig()
  const request = {
    flow,
    data,
    ...(from && { source: from }),
    ...(id && { id }),
    ...(changed && { changed }),
    ...(answers !== undefined && { answers: await readFields(session, answers, '--answers') }),
  }
  const { shell } = session
  const trial = await interruptible(shell, signal =>
    shell.backend.tryEvent(config, request, session.environment(), signal),
  )
  await session.result(trialDocument(trial), () => trialText(trial, session.style))
  return trial.outcome === 'failed' ? EXIT.runtime : undefined
}
