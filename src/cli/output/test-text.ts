import { relative } from 'node:path'
import type { CaseFailure, CaseResult } from '../../testing/run-tests.ts'
import type { Story } from '../../testing/story.ts'
import { problemsText } from './problems.ts'
import type { Style } from './style.ts'
import { counted, cut, plain } from './text.ts'

const VALUE_WIDTH = 400
const SLOW_MS = 1000

export function fileText(file: string, folder: string, style: Style): string {
  const near = relative(folder, file)
  return style.bold(near.startsWith('..') ? file : near)
}

/** One line when all is well; else each difference at its line, and what happened. */
export function caseText(result: CaseResult, folder: string, style: Style): string {
  const { ok, name, ms, failures, story } = result
  const mark = ok ? style.green('✓') : style.red('✗')
  const time = ms > SLOW_MS ? style.yellow(`${ms} ms`) : style.dim(`${ms} ms`)
  const head = `  ${mark} ${plain(name)}  ${time}`
  if (ok) return head
  const told =
    story.length === 0 ? [] : [style.dim('what happened:'), ...story.flatMap(each => storyLines(each, style)), '']
  const body = [...failures.map(failure => failureText(failure, folder, style)), ...told].join('\n')
  return `${head}\n${indented(body)}`
}

export function summaryText(results: readonly CaseResult[], ms: number, style: Style): string {
  const failed = results.filter(({ ok }) => !ok).length
  const passed = results.length - failed
  const parts = [
    ...(failed > 0 ? [style.red(`${failed} failed`)] : []),
    ...(passed > 0 ? [style.green(`${passed} passed`)] : []),
  ]
  return `\n${counted(results.length, 'case')}: ${parts.join(', ')} ${style.dim(`(${(ms / 1000).toFixed(1)} s)`)}`
}

function failureText(failure: CaseFailure, folder: string, style: Style): string {
  const { message = 'it differs', path, ...place } = failure
  const text = problemsText([{ ...place, path: withoutCase(path), message, rule: 'expectation' }], folder, style)
  const lines = [
    ...('expected' in failure ? [`  ${style.green('expected')}  ${shown(failure.expected)}`] : []),
    ...('found' in failure ? [`  ${style.red('found')}     ${shown(failure.found)}`] : []),
  ]
  return [text, ...lines, ''].join('\n')
}

/** The case was named just above. */
function withoutCase(path: string): string {
  return path.replace(/^cases(?:\.[\w-]+|\["(?:[^"\\]|\\.)*"\])\.?/, '')
}

function storyLines({ type, subject, flows }: Story, style: Style): string[] {
  const head = `  ${plain(type)} ${plain(subject)}`
  if (flows.length === 0) return [`${head}: no flow took it`]
  return [
    head,
    ...flows.flatMap(({ flow, outcome, reason, steps }) => [
      `    ${style.bold(flow)}: ${outcome}${reason ? ` (${plain(reason)})` : ''}`,
      ...steps.map(({ step, wrote, skipped }) => {
        const what = wrote ? `wrote ${wrote}` : skipped ? `skipped: ${skipped}` : 'done'
        return `      ${style.dim(`${plain(step)}: ${plain(what)}`)}`
      }),
    ]),
  ]
}

function shown(value: unknown): string {
  return cut(plain(JSON.stringify(value) ?? 'nothing'), VALUE_WIDTH)
}

function indented(text: string): string {
  return text
    .split('\n')
    .map(line => (line === '' ? '' : `    ${line}`))
    .join('\n')
}
