import type { PlannedWrite } from '../../runtime/replay.ts'
import type { Traced } from '../../runtime/trace-steps.ts'
import type { Trial } from '../../runtime/trial.ts'
import type { Plan } from '../../sinks/sink.ts'
import type { Style } from './style.ts'
import { cut, plain } from './text.ts'
import { writeLines } from './write-diff.ts'

const VALUE_WIDTH = 200

/** As JSON: plans and errors with what is said of them elsewhere. */
export function trialDocument({ event, steps, ...outcome }: Trial): object {
  const { raw: _raw, ...shown } = event
  return {
    event: shown,
    ...outcome,
    steps: steps.map(each => {
      if (each.outcome === 'planned') {
        const { plan, ...rest } = each
        return { ...rest, write: writeOf(each.step, plan, event.id, event.subject) }
      }
      if (each.outcome !== 'failed') return each
      const { code, message } = each.error
      return { ...each, error: { code, message } }
    }),
  }
}

/** Step by step what came of the event, and what would be written. */
export function trialText(trial: Trial, style: Style): string {
  const { event, outcome, reason, error, steps } = trial
  const writes = steps.flatMap(each => (each.outcome === 'planned' ? [each.plan] : [])).filter(isWrite)
  const counts = new Map<string, number>()
  for (const plan of writes) counts.set(whatOf(plan), (counts.get(whatOf(plan)) ?? 0) + 1)
  const summary = [...counts].map(([what, times]) => `${times} x ${what}`).join(', ') || 'nothing'
  const ends = {
    done: `${style.green('done')}: the live flow would write ${summary}`,
    skipped: `${style.yellow('skipped')}: ${plain(reason ?? '')}; the live flow would write ${summary}`,
    failed: `${style.red('failed')}: ${plain(error?.message ?? '')} ${style.dim(`(${error?.code})`)}${hintOf(steps)}`,
  }
  return [
    `${style.bold(plain(event.type))} ${plain(event.subject)}`,
    ...steps.map(each => stepText(each, trial, style)),
    '',
    `${ends[outcome]}; nothing was written now`,
  ].join('\n')
}

/** What came after it was without its answer. */
function hintOf(steps: readonly Traced[]): string {
  const open = steps.filter(each => each.outcome === 'planned' && each.unanswered).map(({ step }) => step)
  if (open.length === 0) return ''
  const [first] = open
  return `; ${[...new Set(open)].join(', ')} gave nothing, being not carried out: --answers '{"${first}": …}' says what it would give`
}

function stepText(each: Traced, { event }: Trial, style: Style): string {
  const name = `  ${style.cyan(plain(each.step))}`
  switch (each.outcome) {
    case 'passed over':
      return `${name}  ${style.dim('passed over: its `when` is not true')}`
    case 'skipped':
      return `${name}  ${style.yellow(`the event ends here: ${plain(each.reason)}`)}`
    case 'failed':
      return `${name}  ${style.red(plain(each.error.message))} ${style.dim(`(${each.error.code})`)}`
    case 'planned':
      return `${name}\n${planText(each.step, each.plan, event.subject, style)}`
    case 'done':
      return each.result === undefined ? `${name}  ${style.dim('goes on')}` : `${name}  ${shown(each.result)}`
  }
}

function planText(step: string, plan: Plan, subject: string, style: Style): string {
  const lines = writeLines(writeOf(step, plan, '', subject), style)
  const nothing = plan.result === undefined || plan.result === null ? 'nothing to write' : 'already as wanted'
  return (lines.length > 0 ? lines : [style.dim(nothing)]).map(line => `    ${line}`).join('\n')
}

function writeOf(
  step: string,
  { operation, target, before, after }: Plan,
  event: string,
  subject: string,
): PlannedWrite {
  return {
    event,
    subject,
    step,
    operation,
    ...(target && { target: `${target.object}/${target.id}` }),
    ...(before && { before }),
    ...(after && { after }),
  }
}

function isWrite({ operation }: Plan): boolean {
  return operation !== 'none' && operation !== 'read'
}

function whatOf({ operation, target }: Plan): string {
  return target ? `${operation} ${target.object}` : operation
}

function shown(value: unknown): string {
  return cut(plain(JSON.stringify(value) ?? 'nothing'), VALUE_WIDTH)
}
