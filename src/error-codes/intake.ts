import type { ErrorCodes } from '../error-codes.ts'

/** What senders are answered, and why a connector cannot be made. */
export const INTAKE_CODES: ErrorCodes = {
  NOT_VERIFIED: {
    kinds: ['rejected'],
    means: 'The signature, token or password of the request is missing or wrong, or its timestamp is too far from now.',
    advice:
      'Compare the secret on both sides, and the clocks. The metric twenty_sync_requests_refused_total has the finer reason.',
  },
  NOT_A_TWENTY_DELIVERY: {
    kinds: ['rejected'],
    means: 'The request is signed well, but its body is no delivery of a Twenty webhook.',
    advice: 'Point only the webhook of Twenty at this address.',
  },
  NOT_A_DELIVERY: {
    kinds: ['rejected'],
    means: 'The request is signed well, but its body is not what the `webhook` of the `rest` system describes.',
    advice: 'Compare `webhook` of the system and of the resource with a delivery of that API.',
  },
  BAD_SINCE: {
    kinds: ['rejected'],
    means: 'A `http-poll` connector has an `overlap`, and what its `since` gives is no time.',
    advice: 'Leave `overlap` out, or have `since.value` give a time.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    kinds: ['rejected'],
    means: 'The content type is none that this address takes. Answered 415.',
    advice: 'Send one of those that the message names, or add it to `accept` of the connector.',
  },
  UNSUPPORTED_ENCODING: {
    kinds: ['answer'],
    means: 'The body is compressed. Answered 415.',
    advice: 'Send it uncompressed: a few compressed bytes could become gigabytes.',
  },
  INVALID_JSON: {
    kinds: ['rejected'],
    means: 'The body is not JSON. Answered 400.',
    advice: 'Mend the sender.',
  },
  INVALID_ENCODING: {
    kinds: ['rejected'],
    means: 'The body is not UTF-8, or begins with a byte order mark. Answered 400.',
    advice: 'Send UTF-8 without a byte order mark.',
  },
  INVALID_FORM: {
    kinds: ['rejected'],
    means: 'The form body cannot be read. Answered 400.',
    advice:
      'Send what a browser sends: `application/x-www-form-urlencoded` or `multipart/form-data` with its boundary.',
  },
  NOT_AN_OBJECT: {
    kinds: ['rejected'],
    means: 'The body is JSON, but no object, nor a list of objects where those are taken. Answered 400.',
    advice: 'Wrap the value in an object.',
  },
  TOO_DEEP: {
    kinds: ['rejected'],
    means: 'The body has more levels of objects and lists within each other than are taken. Answered 400.',
    advice: 'Send a flatter body.',
  },
  TOO_MANY_KEYS: {
    kinds: ['rejected'],
    means: 'The body has more keys than are taken. Answered 400.',
    advice: 'Send several smaller bodies.',
  },
  DANGEROUS_KEY: {
    kinds: ['rejected'],
    means: 'The body has a key that reaches a prototype, such as `__proto__`. Answered 400.',
    advice: 'Look at who sends it: no ordinary sender does.',
  },
  BAD_KEY: {
    kinds: ['rejected'],
    means:
      'An expression of the connector, `key` or `idempotency`, did not give a short text for this body. Answered 400.',
    advice: 'Mend the expression or the sender.',
  },
  BAD_TIME: {
    kinds: ['rejected'],
    means: 'The expression `time` of the connector did not give a moment for this body. Answered 400.',
    advice: 'Mend the expression or the sender.',
  },
  BODY_TOO_LARGE: {
    kinds: ['answer'],
    means: 'The body is larger than the limit of its address. Answered 413.',
    advice: 'Send less, or raise `bodyLimit` of the connector (`webhookBodyLimit` of a Twenty system).',
  },
  OVERLOADED: {
    kinds: ['answer'],
    means:
      'Too many requests are being worked on, or their bodies take too much memory. Answered 503 with Retry-After.',
    advice: 'Send again. When it happens often, look at the append times in the metrics.',
  },
  ORIGIN_NOT_ALLOWED: {
    kinds: ['answer'],
    means: 'A page of another origin than those in `cors` tried to post. Answered 403.',
    advice: 'Add the origin to `cors` of the connector if the page is yours.',
  },
  METHOD_NOT_ALLOWED: {
    kinds: ['answer'],
    means: 'The address does not take this method. Answered 405 with Allow.',
    advice: 'Use a method that the message names.',
  },
  BAD_REQUEST: {
    kinds: ['answer'],
    means: 'The request is no HTTP that can be read. Answered 400.',
    advice: 'Mend the sender or the proxy in between.',
  },
  REQUEST_TIMEOUT: {
    kinds: ['answer'],
    means: 'The request did not arrive in time: 10 s for its headers, 30 s for all of it. Answered 408.',
    advice: 'Look at the network of the sender.',
  },
  REQUEST_HEADER_FIELDS_TOO_LARGE: {
    kinds: ['answer'],
    means: 'The headers are larger than 16 KiB together. Answered 431.',
    advice: 'Send fewer headers or cookies.',
  },
  INTERNAL: {
    kinds: ['answer'],
    means: 'A defect of twenty-sync. Answered 500 with an id; the log has a line with that id.',
    advice: 'Report it with that line.',
  },
  BAD_BODY_LIMIT: {
    kinds: ['fatal'],
    means: 'The body limit of a connector is larger than the 16 MiB that a record can have.',
    advice: 'Lower it.',
  },
  BAD_SECRET: {
    kinds: ['fatal'],
    means: 'A signing secret does not have the form that its scheme has.',
    advice: 'Copy it whole, with its prefix, into the environment.',
  },
  BAD_SIGNED_TEMPLATE: {
    kinds: ['fatal'],
    means: 'The template `signed` of an HMAC scheme names something that does not exist.',
    advice: 'Use the placeholders that the message names.',
  },
  NO_PUBLIC_URL: {
    kinds: ['fatal'],
    means: 'Something needs to know where the world reaches the daemon: registering a webhook, or a signed address.',
    advice: 'Set `server.publicUrl`.',
  },
  PATH_TAKEN: {
    kinds: ['fatal'],
    means: 'Two connectors, or a connector and the daemon itself, want the same path.',
    advice: 'Choose another `path`.',
  },
}
