import type { StepContext } from '../../src/config/definition.ts'
import { SyncError } from '../../src/errors.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { compileTree } from '../../src/expressions/tree.ts'
import type { ProcessContext } from '../../src/processors/processor.ts'
import { makeEvent } from '../support/make-event.ts'

/** Step `leads.check`. */
export const stepContext: StepContext = {
  name: 'leads.check',
  flow: 'leads',
  // No processor touches it; one that did would fail here.
  env: undefined as unknown as StepContext['env'],
  compile: compileExpression,
  compileTree,
}

export function processContext(overrides: Partial<ProcessContext> = {}): ProcessContext {
  return {
    event: makeEvent(),
    signal: new AbortController().signal,
    claim: async () => {
      throw new Error('nothing was to be claimed')
    },
    recall: async () => {
      throw new Error('nothing was to be recalled')
    },
    ...overrides,
  }
}

export function scopeOf(data: Record<string, unknown>, names: Record<string, unknown> = {}) {
  return { event: { id: 'e1', changed: ['stage'] }, data, ...names }
}

/** The SyncError that the work ends with. */
export async function failureOf(work: () => unknown): Promise<SyncError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof SyncError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
