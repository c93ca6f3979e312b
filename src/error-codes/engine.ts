import type { ErrorCodes } from '../error-codes.ts'

/** What log and state end with. */
export const ENGINE_CODES: ErrorCodes = {
  LOG_UNAVAILABLE: {
    kinds: ['retryable'],
    means: 'The log does not answer, or is not prepared yet. Senders are answered 503 with Retry-After.',
    advice: 'Look at the brokers, or at the disk of the data folder. It goes on by itself.',
  },
  LOG_FULL: {
    kinds: ['fatal'],
    means: 'The disk is full, or the log has reached `log.maxSize`. Senders are answered 507.',
    advice: 'Make room, raise the limit or shorten `log.retention`.',
  },
  LOG_DAMAGED: {
    kinds: ['fatal'],
    means: 'The SQLite file of the data folder is damaged, not a database, or read-only.',
    advice: 'Check disk and permissions; restore the file from a backup.',
  },
  LOG_AUTH: {
    kinds: ['fatal'],
    means: 'Kafka or the schema registry refuses the credentials.',
    advice: 'Check `log.sasl`, `log.registry` and the ACLs.',
  },
  LOG_TLS: {
    kinds: ['fatal'],
    means:
      "A broker's certificate is not trusted, has expired or is for another host, or the broker does not accept ours.",
    advice:
      'As the message says: `log.tls.ca`, `cert` and `key`, the names in `log.brokers`, or the certificate there.',
  },
  LOG_PROTOCOL: {
    kinds: ['fatal'],
    means: 'The brokers refuse our way of being in the group.',
    advice: 'Look whether another client uses a group of this prefix.',
  },
  LOG_TOPIC: {
    kinds: ['fatal'],
    means: 'Topics cannot be created as the config wants them.',
    advice: 'Check `log.prefix` and `log.replication`, and policies of the cluster.',
  },
  RECORD_TOO_LARGE: {
    kinds: ['rejected'],
    means: 'The event is larger than its topic takes. Senders are answered 413.',
    advice: 'Send less, or raise the body limit of the connector and `max.message.bytes` of a topic that exists.',
  },
  GROUP_IN_USE: {
    kinds: ['rejected'],
    means: 'The offsets of a group cannot be set while somebody reads with it.',
    advice: 'Pause the flow first.',
  },
  NOT_A_CLOUD_EVENT: {
    kinds: ['rejected'],
    means: 'A record of a topic, written by another producer, is no CloudEvent.',
    advice: 'Look at who writes to the topic.',
  },
  SCHEMA_MISMATCH: {
    kinds: ['rejected'],
    means: 'The event does not fit the newest schema of its topic in the registry.',
    advice: 'Register a schema that it fits.',
  },
  SCHEMA_UNKNOWN: {
    kinds: ['rejected'],
    means: 'The registry does not know the schema that a record names.',
    advice: 'Check that `log.registry` is the one that the producer used.',
  },
  REGISTRY_UNAVAILABLE: {
    kinds: ['retryable'],
    means: 'The schema registry does not answer.',
    advice: 'Look whether it runs.',
  },
  STATE_UNAVAILABLE: {
    kinds: ['retryable'],
    means: 'The state does not answer: Redis is away, loading or out of memory, or the disk of the data folder fails.',
    advice: 'Look at Redis, or at the disk. Flows wait; intake goes on.',
  },
  STATE_AUTH: {
    kinds: ['fatal'],
    means: 'Redis refuses the user or the password, or the user lacks a right.',
    advice: 'Check the credentials in `state.url`, and the ACL of that user.',
  },
  STATE_TLS: {
    kinds: ['fatal'],
    means: "Redis' certificate is not trusted, has expired or is for another host, or Redis does not accept ours.",
    advice: 'As the message says: `state.tls.ca`, `cert` and `key`, the name in `state.url`, or the certificate there.',
  },
  STATE_CONFIG: {
    kinds: ['fatal'],
    means: 'Redis is a Cluster and the config says otherwise, or the prefix has braces.',
    advice: 'Set `state.cluster: true`, or another `state.prefix`.',
  },
  STATE_CROSS_TAG: {
    kinds: ['fatal'],
    means: 'A defect of twenty-sync: one commit over keys of two owners.',
    advice: 'Report it.',
  },
  SQLITE_MISSING: {
    kinds: ['fatal'],
    means: 'The embedded engine finds no SQLite.',
    advice: 'Use Node 22 or newer, or install the optional package @photostructure/sqlite.',
  },
  FOLDER_LOCKED: {
    kinds: ['fatal'],
    means: 'Another process has the data folder.',
    advice: 'Stop it, or use another `log.folder`.',
  },
  FOLDER_UNUSABLE: {
    kinds: ['fatal'],
    means: 'The data folder cannot be made or written to.',
    advice: 'Give it to the user that runs the daemon, or name another with `log.folder`.',
  },
  FOLDER_EMPTY: {
    kinds: ['fatal'],
    means: 'There is no log in the folder that is to be looked at.',
    advice: 'Name the folder that the daemon runs with.',
  },
  FOLDER_FORMAT: {
    kinds: ['fatal'],
    means: 'The data folder was written by another version of twenty-sync.',
    advice: 'Use that version, or an empty folder.',
  },
  READ_ONLY: {
    kinds: ['fatal'],
    means: 'A write on a data folder that was opened for looking on only.',
    advice: 'Use the daemon, or a command that opens the folder for writing.',
  },
}
