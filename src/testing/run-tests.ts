import { ConfigError, type Problem } from '../config/config.ts'
import type { MapNode } from '../config/node.ts'
import { pathText } from '../config/problems.ts'
import type { Clock } from '../environment.ts'
import { Bench } from './bench.ts'
import { unexpected, unmet } from './expectations.ts'
import { give } from './give.ts'
import { happen } from './happenings.ts'
import type { Mismatch } from './matches.ts'
import { type Story, storyOf } from './story.ts'
import { readTestFiles, type TestCase, type TestFile } from './test-file.ts'
import type { CreateWorkspace } from './workspace.ts'

export interface TestOptions {
  /** `*.test.yaml` */
  readonly files: readonly string[]
  /** Only cases with this in their name. */
  readonly only?: string
  readonly createWorkspace: CreateWorkspace
  /** By which durations are measured. */
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Something that is not as a case says. */
export interface CaseFailure {
  readonly file: string
  readonly line: number
  readonly column: number
  /** `cases["a lead"].expect.mails[0].subject` */
  readonly path: string
  readonly message?: string
  readonly expected?: unknown
  readonly found?: unknown
}

export interface CaseResult {
  readonly file: string
  readonly name: string
  readonly ok: boolean
  readonly ms: number
  readonly failures: readonly CaseFailure[]
  /** What happened, of a case that failed. */
  readonly story: readonly Story[]
}

/**
 * Runs cases one after the other, each on a daemon of its own: nothing of one is there in the next.
 * @throws ConfigError when a test file or a config cannot be read.
 */
export async function* runTests(options: TestOptions): AsyncIterable<CaseResult> {
  const { only, signal, clock } = options
  for (const file of readTestFiles(options.files)) {
    for (const each of file.cases) {
      if (only !== undefined && !each.name.includes(only)) continue
      signal.throwIfAborted()
      const began = clock.elapsed()
      const outcome = await runCase(file, each, options.createWorkspace)
      const ms = Math.round(clock.elapsed() - began)
      yield { file: file.file, name: each.name, ok: outcome.failures.length === 0, ms, ...outcome }
    }
  }
}

async function runCase(file: TestFile, test: TestCase, create: CreateWorkspace) {
  const bench = await Bench.open(file, test, create)
  try {
    const wrong = give(bench, test)
    if (wrong.length > 0) return { failures: wrong.map(failureOf), story: [] }
    await bench.start()
    const failures = (await mismatchesOf(bench, test)).map(failureOf)
    return { failures, story: failures.length > 0 ? await storyOf(bench) : [] }
  } catch (thrown) {
    if (thrown instanceof ConfigError) return { failures: thrown.problems.map(asFailure), story: [] }
    throw thrown
  } finally {
    await bench.stop()
  }
}

/** The first step that goes wrong is the last: what follows would be guesswork. */
async function mismatchesOf(bench: Bench, { steps, expect, path, place }: TestCase): Promise<Mismatch[]> {
  for (const step of steps) {
    const wrong =
      step.verb === 'expect' ? await unmet(bench, step.node as MapNode, step.path) : await happen(bench, step)
    if (wrong.length > 0) return wrong
  }
  const wrong = expect ? await unmet(bench, expect, [...path, 'expect']) : []
  return [...wrong, ...(await unexpected(bench, expect, place))]
}

function failureOf({ place, path, ...said }: Mismatch): CaseFailure {
  const { file, line, column } = place
  return { file, line, column, path: pathText(path), ...said }
}

function asFailure({ file, line, column, path, message, suggestion }: Problem): CaseFailure {
  const hint = suggestion === undefined || message.includes(suggestion) ? '' : `; try ${suggestion}`
  return { file, line, column, path, message: message + hint }
}
