import { asSyncError, SyncError } from '../errors.ts'
import type { Operations } from '../runtime/operations.ts'
import type { Redactor } from '../runtime/redact.ts'

/** P9: the same operations, with secret values replaced in whatever they answer, errors included. */
export function redactedOperations(operations: Operations, redactor: Redactor): Operations {
  const value = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return redactor.redact(await answer)
    } catch (thrown) {
      throw redactedError(thrown, redactor)
    }
  }
  async function* stream<T>(answers: AsyncIterable<T>): AsyncIterable<T> {
    try {
      for await (const answer of answers) yield redactor.redact(answer)
    } catch (thrown) {
      throw redactedError(thrown, redactor)
    }
  }
  return {
    status: () => value(operations.status()),
    topics: () => value(operations.topics()),
    listEvents: query => value(operations.listEvents(query)),
    showEvent: query => value(operations.showEvent(query)),
    tailEvents: (query, signal) => stream(operations.tailEvents(query, signal)),
    pauseFlow: query => value(operations.pauseFlow(query)),
    resumeFlow: query => value(operations.resumeFlow(query)),
    listDeadLetters: query => value(operations.listDeadLetters(query)),
    redriveDeadLetters: query => value(operations.redriveDeadLetters(query)),
    discardDeadLetters: query => value(operations.discardDeadLetters(query)),
    trigger: query => value(operations.trigger(query)),
    triggerList: query => value(operations.triggerList(query)),
    triggerReport: query => value(operations.triggerReport(query)),
    replay: (query, signal) => stream(operations.replay(query, signal)),
    listConflicts: query => value(operations.listConflicts(query)),
    listLinks: (query, signal) => stream(operations.listLinks(query, signal)),
    showLink: query => value(operations.showLink(query)),
    resolveConflict: query => value(operations.resolveConflict(query)),
    passGuard: query => value(operations.passGuard(query)),
    reconcile: (query, signal) => stream(operations.reconcile(query, signal)),
    why: query => value(operations.why(query)),
    whyNot: query => value(operations.whyNot(query)),
  }
}

function redactedError(thrown: unknown, redactor: Redactor): SyncError {
  const { kind, code, message, details } = asSyncError(thrown)
  return new SyncError(kind, code, redactor.text(message), { details: redactor.redact(details) })
}
