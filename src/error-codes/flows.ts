import type { ErrorCodes } from '../error-codes.ts'

/** What a flow says of an event, a step or itself. */
export const FLOW_CODES: ErrorCodes = {
  VALIDATION_FAILED: {
    kinds: ['rejected'],
    means: 'The data does not fit the schema of a `validate` step. The message has every reason.',
    advice: 'Mend the sender or the schema, then redrive.',
  },
  SCHEMA_INVALID: {
    kinds: ['fatal'],
    means: 'The schema of a `validate` step is itself wrong.',
    advice: 'Mend the schema file.',
  },
  EXPRESSION_INVALID: {
    kinds: ['rejected'],
    means: 'An expression cannot be compiled.',
    advice: 'Mend it; the message shows the place.',
  },
  EXPRESSION_FAILED: {
    kinds: ['rejected'],
    means: 'An expression failed on this event, or gave a value of a kind that its step cannot use.',
    advice: 'Make the expression cope with such data, then redrive.',
  },
  MISSING_FIELD: {
    kinds: ['rejected'],
    means: 'An expression reads a field that this event does not have.',
    advice: 'Write `data.?field.orValue(…)` where the field may be absent, then redrive.',
  },
  ITEM_KEY_TWICE: {
    kinds: ['rejected'],
    means: 'Two items of an `each` step have the same `key`, so their effects could not be told apart.',
    advice: 'Choose a `key` that differs for every item of the list, or remove the double item before.',
  },
  NOT_A_LIST: {
    kinds: ['rejected'],
    means: '`over` of an `each` step gave something else than a list.',
    advice: 'Mend the expression, then redrive.',
  },
  NO_SUCH_STEP: {
    kinds: ['rejected'],
    means:
      'The dead letter of an item names an `each` step that the flow does not have any more, or `--answers` of `try` one that it never had.',
    advice: 'Give the step its id again and redrive, or discard the letter. In a trial, name a step that there is.',
  },
  CODE_NOT_LOADED: {
    kinds: ['fatal'],
    means: 'The file of a `code` step cannot be loaded, or does not export the function.',
    advice: 'Mend the file.',
  },
  CODE_FAILED: {
    kinds: ['rejected'],
    means: 'The function of a `code` step threw.',
    advice: 'Mend the function, then redrive.',
  },
  CODE_RESULT: {
    kinds: ['rejected'],
    means: 'The function of a `code` step returned something that cannot be used as names and JSON values.',
    advice: 'Return a plain object of JSON values.',
  },
  DEDUPE_WAIT: {
    kinds: ['retryable'],
    means: 'An event that means the same, by the `dedupe` step, was begun and is not done yet. This one waits for it.',
    advice: 'Nothing. When it lasts, look at the other event.',
  },
  EFFECT_IN_PROGRESS: {
    kinds: ['retryable'],
    means: 'Another event does the effect with the same `key` at the moment.',
    advice: 'Nothing. When it lasts, look at the event that the message names.',
  },
  RUN_CONTESTED: {
    kinds: ['retryable'],
    means: 'Another process works on the same event, as may be during a rebalance.',
    advice: 'Nothing: the record is read again.',
  },
  CLAIM_LOST: {
    kinds: ['retryable'],
    means: 'The claim on a record that is to be created lapsed before the write.',
    advice: 'Nothing: the write is planned again.',
  },
  OUTCOME_UNKNOWN: {
    kinds: ['rejected'],
    means: 'A call that must not happen twice began, and its answer is not known: it may have had its effect.',
    advice: 'Look in the other system. Redrive when it was not done, discard when it was.',
  },
  CAP_REACHED: {
    kinds: ['rejected'],
    means:
      'The step has acted as often as its `caps` let it, for this record or on this day. The event is held for a person.',
    advice: 'Redrive it when it is right, which does it and is not counted; discard it when it is not.',
  },
  LOOP: {
    kinds: ['rejected'],
    means: 'More than 8 writes of flows in a row answered each other.',
    advice: 'Break the loop with a `filter` or a `when`.',
  },
  TOO_MANY_DEAD_LETTERS: {
    kinds: ['fatal'],
    means:
      'More than 20 of the last 100 events of the flow became dead letters; what `caps` hold, `validate` turns away, or matches no record or several is none of them. The flow stops, so as not to empty its topic.',
    advice:
      'Mend the cause of the last dead letter, then `twenty-sync resume <flow>`. It tries by itself after 1, 5 and then every 15 minutes.',
  },
  BEHIND_PARKED: {
    kinds: ['state'],
    means: 'The event waits behind an earlier one of the same record that is parked.',
    advice: 'Look at the earlier one.',
  },
  NOT_READY: {
    kinds: ['state'],
    means: 'The flow waits for a system that was not asked yet.',
    advice: 'Nothing, for some seconds.',
  },
  PAUSED: {
    kinds: ['state'],
    means: 'A person paused the flow.',
    advice: '`twenty-sync resume <flow>`.',
  },
  UNCLASSIFIED: {
    kinds: ['retryable'],
    means:
      'An error that no component foresaw: a defect of twenty-sync or of a `code` file. Tried three times, then a dead letter.',
    advice: 'Report it. The metric twenty_sync_flow_unclassified_errors must stay 0.',
  },
}
