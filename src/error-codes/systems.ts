import type { ErrorCodes } from '../error-codes.ts'

/** What calls to outside systems end with. */
export const SYSTEM_CODES: ErrorCodes = {
  TWENTY_AUTH: {
    kinds: ['fatal'],
    means: 'Twenty refuses the API key, or its role lacks a right. All flows that use the system wait.',
    advice: 'Make a new key or change the role, as the message says. The flows go on by themselves.',
  },
  TWENTY_QUOTA: {
    kinds: ['fatal'],
    means: "The workspace's plan does not allow more.",
    advice: 'Change the plan, or free what it counts.',
  },
  TWENTY_NOT_FOUND: {
    kinds: ['rejected'],
    means: 'Twenty knows no such record or address.',
    advice: 'Check the id, and that `url` is that of the server itself, without `/rest`.',
  },
  TWENTY_DUPLICATE: {
    kinds: ['rejected'],
    means: 'Another record holds a value that must be unique.',
    advice: 'Match by that field, or restore or destroy the holder when it lies in the trash.',
  },
  TWENTY_UNKNOWN_FIELD: {
    kinds: ['rejected'],
    means: 'Twenty does not know a field that was sent: the data model changed a moment ago.',
    advice: 'Mend the config, then redrive.',
  },
  TWENTY_REFUSED: {
    kinds: ['rejected'],
    means: 'Twenty answered 4xx for another reason, which the message quotes.',
    advice: 'Mend the values, then redrive.',
  },
  TOKEN_REFUSED: {
    kinds: ['fatal'],
    means: 'The OAuth2 server gives no token for these client credentials.',
    advice:
      'Compare `clientId`, `clientSecret` and `scope` with what the server knows; some want `credentialsIn: body`.',
  },
  UNKNOWN_OBJECT: {
    kinds: ['rejected'],
    means: 'The workspace has no such object.',
    advice: 'Use its singular name; the message has the nearest one.',
  },
  UNKNOWN_FIELD: {
    kinds: ['rejected'],
    means: 'The object has no such field.',
    advice: 'Use the name that Twenty has; the message has the nearest one.',
  },
  VIEW_NOT_FOUND: {
    kinds: ['rejected'],
    means: 'Twenty has no view of that name for the object, or only one that is not shown to everybody.',
    advice: 'Use one of the names in the message, or make the view one that the whole workspace sees; then redrive.',
  },
  AMBIGUOUS_VIEW: {
    kinds: ['rejected'],
    means: 'Several views of the object have that name.',
    advice: 'Rename one in Twenty, or name one by its id; then redrive.',
  },
  VIEW_NOT_POSSIBLE: {
    kinds: ['rejected'],
    means: 'A filter of the view cannot be asked from outside, such as one that means the person who looks at it.',
    advice: 'Change that filter in Twenty, or write the condition as `filter` in the step; then redrive.',
  },
  FILTER_NOT_POSSIBLE: {
    kinds: ['rejected'],
    means: "A condition of `filter`, `by` or a view is none, or holds a value that Twenty's filters cannot take.",
    advice: 'Mend the condition that the message names, then redrive. To find one record, `match` takes any value.',
  },
  TOO_MANY_FOUND: {
    kinds: ['rejected'],
    means: 'More records are found than a step can keep as one list.',
    advice: 'Go over them with `each`, which reads page by page, or narrow them, or set `limit`.',
  },
  FIELDS_NOT_READ: {
    kinds: ['retryable'],
    means: 'Values of Twenty were to be compared before its field list was read.',
    advice: 'Nothing: it is read at the first call that Twenty answers.',
  },
  INVALID_VALUE: {
    kinds: ['rejected'],
    means: 'A value does not fit the type of its field in Twenty, such as an option that a SELECT does not have.',
    advice: 'Mend the expression or the data, then redrive.',
  },
  INVALID_ID: {
    kinds: ['rejected'],
    means: '`id` of a step is no id of a record.',
    advice: 'Mend the expression.',
  },
  INVALID_LINK: {
    kinds: ['rejected'],
    means: '`link` of a note or task holds something that is no record.',
    advice: 'Give results of Twenty steps, or texts like `person/<id>`.',
  },
  LINK_NOT_POSSIBLE: {
    kinds: ['rejected'],
    means: 'The record cannot be linked: only notes and tasks have links, and not to every object.',
    advice: 'Leave the link out.',
  },
  ASSIGNEE_NOT_FOUND: {
    kinds: ['rejected'],
    means: 'No member of the workspace has this e-mail address.',
    advice: 'Invite the person, or name another.',
  },
  MATCH_VALUE_MISSING: {
    kinds: ['rejected'],
    means: 'The field of `match` has no value to look for.',
    advice: 'Give it one in `values`, or filter such events out.',
  },
  MATCH_NOT_FOUND: {
    kinds: ['rejected'],
    means: 'No record matches, and the step needs one.',
    advice: 'Set `onMissing`, or use `upsert`.',
  },
  MATCH_IS_DELETED: {
    kinds: ['rejected'],
    means: 'The record that matches lies in the trash, or was deleted between reading and writing. It stays there.',
    advice: 'Restore or destroy it in Twenty, or set `onDeleted`; then redrive.',
  },
  AMBIGUOUS_MATCH: {
    kinds: ['rejected'],
    means: 'Several records match.',
    advice: 'Merge them in Twenty, or match by more.',
  },
  POSTGRES_AUTH: {
    kinds: ['fatal'],
    means:
      'Postgres refuses user, password or database, or the role lacks a right. All flows and syncs that use the system wait.',
    advice: 'Mend `url`, or grant the right that the message names. They go on by themselves.',
  },
  POSTGRES_SCHEMA: {
    kinds: ['fatal'],
    means:
      'The database does not fit the config: a table or column is not there or of another kind, the server is too old, or TLS is missing.',
    advice: 'Mend `tables` of the system, or the database, as the message says.',
  },
  POSTGRES_REFUSED: {
    kinds: ['rejected'],
    means: 'Postgres refuses a write for a constraint or another reason, which the message quotes.',
    advice: 'Mend the values, or the constraint.',
  },
  MAIL_AUTH: {
    kinds: ['fatal'],
    means: 'The mail server refuses the user and password, or refuses us altogether.',
    advice: "Mend the system's `url`; user and password stand in it percent-encoded. The flows go on by themselves.",
  },
  MAIL_TLS: {
    kinds: ['fatal'],
    means:
      'No encrypted connection to the mail server comes about: no STARTTLS, or a certificate that nobody vouches for.',
    advice: 'Name the authority as `ca`, or set `insecure: true` when the way is trusted.',
  },
  MAIL_DEFERRED: {
    kinds: ['retryable'],
    means: 'The mail server answered 4xx: it takes the mail later, as with greylisting or a full mailbox.',
    advice: 'Nothing: it is tried again. The message quotes the server.',
  },
  MAIL_REFUSED: {
    kinds: ['rejected'],
    means: 'The mail server answered 5xx to this mail, to its sender or to all of its recipients.',
    advice: 'The message quotes the server. Mend address or mail, then redrive.',
  },
  BAD_MAIL: {
    kinds: ['rejected'],
    means:
      'The mail cannot be made as the step says: a text that is no address, nobody to send to or too many, a line end in the subject.',
    advice: 'Mend the expression or the data, then redrive.',
  },
  TEMPLATE_FAILED: {
    kinds: ['rejected'],
    means: 'A template of a mail cannot be filled in; the message has its file, line and column.',
    advice: 'Mend the template or the data, then redrive.',
  },
  STRIPE_AUTH: {
    kinds: ['fatal'],
    means:
      'Stripe refuses the key, or a restricted key may not do what a step does. All flows that use the system wait.',
    advice: 'Mend `secretKey`, or give the key the right that the message names. The flows go on by themselves.',
  },
  STRIPE_REFUSED: {
    kinds: ['rejected'],
    means: 'Stripe answered 4xx for another reason, which the message quotes.',
    advice: 'Mend the values, or what is at Stripe; then redrive.',
  },
  STRIPE_BUSY: {
    kinds: ['retryable'],
    means: 'Another call to Stripe with the same key, or on the same record, is under way.',
    advice: 'Nothing: it is tried again.',
  },
  STRIPE_KEY_TAKEN: {
    kinds: ['retryable'],
    means: 'Stripe keeps answers under every key that the call could use, and what they made is not there.',
    advice: 'Look there for what was made and removed by hand. Keys are free again after a day.',
  },
  STRIPE_MAIL_UNKNOWN: {
    kinds: ['rejected'],
    means:
      'A call that lets Stripe mail an invoice (`send: true`) lost its answer more than 29 days ago. Stripe keeps neither the key nor the event that would tell.',
    advice:
      'Look at the invoice. Send it there by hand, or, where the customer has it, give it the metadata `twentySyncMailed` with any value. Then redrive: the later steps go on.',
  },
  BAD_INVOICE: {
    kinds: ['rejected'],
    means:
      'The invoice cannot be made as the step says: no customer, no amount, no currency, or an amount that the currency cannot have. Nothing was made.',
    advice: 'Mend the record or the expression, then redrive.',
  },
  UNAUTHORIZED: {
    kinds: ['fatal', 'answer'],
    means: 'The system answered 401 or 403. From the control port of the daemon: the token is wrong.',
    advice: 'Renew the credentials. All flows that use the system wait until they are good.',
  },
  NOT_FOUND: {
    kinds: ['rejected', 'answer'],
    means: 'The system answered 404. From the daemon: no connector listens at this path.',
    advice: 'Check the address.',
  },
  CONFLICT: {
    kinds: ['rejected'],
    means: 'The system answered 409.',
    advice: 'List 409 under `success` of the step where it means that the thing is there already.',
  },
  REQUEST_REFUSED: {
    kinds: ['rejected'],
    means: 'The system answered with another 4xx.',
    advice: 'The details of the dead letter have its answer.',
  },
  ITEM_REFUSED: {
    kinds: ['rejected', 'retryable'],
    means: 'The system took a call with many items, and said of this one that it did not take it.',
    advice: 'The details of the dead letter have what it said. What may pass later is tried again alone.',
  },
  LIST_TOO_LONG: {
    kinds: ['rejected'],
    means: 'A `list` step found more items than its `limit`.',
    advice: 'Go over it with `each: { over: { list: … } }`, which takes a list of any length, or raise `limit`.',
  },
  UNEXPECTED_REDIRECT: {
    kinds: ['rejected'],
    means: 'The system answered with a redirect. It is never followed: it could carry the credentials elsewhere.',
    advice: 'Use the final address.',
  },
  CALL_NOT_CONFIGURED: {
    kinds: ['rejected'],
    means: 'A sync wants to write a record of a `rest` system in a way that its resource does not describe.',
    advice: 'Add the call that the message names to the resource, or let the sync not write there.',
  },
  BAD_REQUEST_VALUE: {
    kinds: ['rejected'],
    means: 'A request cannot be made from the values of an `http` step: a list in a header or in the path, say.',
    advice: 'Mend the expression.',
  },
  INVALID_REQUEST: {
    kinds: ['rejected'],
    means: 'The address or the headers of a call are not valid.',
    advice: 'Mend the address.',
  },
  RESPONSE_TOO_LARGE: {
    kinds: ['rejected'],
    means: 'The answer is larger than is read. The call may have had its effect.',
    advice: 'Ask for less.',
  },
  INVALID_ANSWER: {
    kinds: ['retryable'],
    means: 'The answer is not what the system promises: no JSON, or without what must be in it.',
    advice: 'Check that the address is that of the API; a proxy in between may answer in its place.',
  },
  RATE_LIMITED: {
    kinds: ['retryable'],
    means: 'The system takes no calls for longer than a call waits in place.',
    advice: 'Nothing: the record is parked. When it happens often, lower the rate or ask for a higher limit.',
  },
  SERVER_ERROR: {
    kinds: ['retryable'],
    means: 'The system answered 408, 425 or 5xx.',
    advice: 'Nothing: it is tried again.',
  },
  SYSTEM_UNAVAILABLE: {
    kinds: ['retryable'],
    means: 'The system failed several times in a row. It is left alone until the next probe.',
    advice: 'Look whether it runs; the flows go on by themselves.',
  },
  CONNECTION_FAILED: {
    kinds: ['retryable'],
    means: 'No connection: refused, unknown host, or a certificate that is not trusted. Nothing was sent.',
    advice: 'Check the address, the network and the certificate.',
  },
  CONNECTION_LOST: {
    kinds: ['retryable'],
    means: 'The connection broke before the answer was complete. The call may have had its effect.',
    advice: 'Nothing: what may be repeated is, the rest is held as OUTCOME_UNKNOWN.',
  },
  TIMEOUT: {
    kinds: ['retryable'],
    means: 'No complete answer in time. The call may have had its effect.',
    advice: 'Nothing: what may be repeated is, the rest is held as OUTCOME_UNKNOWN.',
  },
  ABORTED: {
    kinds: ['retryable'],
    means: 'A call was given up by us: the daemon drains, or whoever asked went away.',
    advice: 'Nothing.',
  },
}
