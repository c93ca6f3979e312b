import type { ErrorCodes } from '../error-codes.ts'

/** What the start, commands and the control port of the daemon end with. */
export const OPERATION_CODES: ErrorCodes = {
  BAD_PARAMETERS: {
    kinds: ['rejected'],
    means: 'What was given with `--data` does not fit `parameters` of the manual connector. Nothing was appended.',
    advice: 'Give what the message names.',
  },
  DATA_MISSING: {
    kinds: ['rejected'],
    means: 'A connector that is not of type `manual` was triggered without data.',
    advice: 'Say `--data`, or `--list` for several records.',
  },
  NOTHING_TO_POLL: {
    kinds: ['rejected'],
    means: 'The connector only takes what comes in.',
    advice: '`twenty-sync status` lists those that poll.',
  },
  NO_SUCH_RUN: {
    kinds: ['rejected'],
    means: 'There is no list that was triggered under this name, or the log keeps its events no more.',
    advice: '`trigger --list` says what its run is called.',
  },
  CONFIG: {
    kinds: ['fatal', 'rejected'],
    means: 'The config is wrong, or does not fit what the system has.',
    advice: 'Each problem has file, line, column and what would be right.',
  },
  USAGE: {
    kinds: ['state'],
    means: 'The command line is wrong.',
    advice: 'See `--help` of the command.',
  },
  DEFECT: {
    kinds: ['state'],
    means: 'A command failed in a way that nobody foresaw.',
    advice: 'Report it.',
  },
  CANNOT_LISTEN: {
    kinds: ['fatal'],
    means: 'The port cannot be opened; most often another process has it.',
    advice: 'Choose another `server.port` or `--port`.',
  },
  RESTART_NEEDED: {
    kinds: ['rejected'],
    means: 'A reload would change `log`, `state` or `server`. Nothing was changed.',
    advice: 'Restart the daemon.',
  },
  NOT_RUNNING: {
    kinds: ['retryable'],
    means: 'The command needs a running daemon, and none runs on this config.',
    advice: 'Start one with `twenty-sync run`.',
  },
  CONTROL_LOST: {
    kinds: ['retryable'],
    means: 'The connection to the daemon broke during the command.',
    advice: 'Look whether it still runs, then give the command again.',
  },
  STOPPING: {
    kinds: ['retryable'],
    means: 'The daemon is stopping and ended the command.',
    advice: 'Give it again later; a replay goes on where it was.',
  },
  BAD_QUERY: {
    kinds: ['rejected'],
    means: 'A call to the control port has a wrong argument.',
    advice: 'Use the command line of the same version as the daemon.',
  },
  TOO_LARGE: {
    kinds: ['rejected'],
    means: 'A call to the control port is larger than it takes.',
    advice: 'Give less data to `trigger`, or fewer ids.',
  },
  WRONG_HOST: {
    kinds: ['answer'],
    means: 'Something else than the command line of this machine called the control port. Answered 403.',
    advice: 'Use the command line.',
  },
  NO_SUCH_OPERATION: {
    kinds: ['answer'],
    means: 'The control port does not know this call. Answered 404.',
    advice: 'Use the command line of the same version as the daemon.',
  },
  BAD_POSITION: {
    kinds: ['rejected'],
    means: 'A position is neither a time, an age, partition:offset, `earliest` nor `now`.',
    advice: 'Write it like `2026-11-01T00:00:00Z`, `2h` or `0:1500`.',
  },
  REPLAY_UNDER_WAY: {
    kinds: ['rejected'],
    means: 'The same replay was begun by another command and is still at work.',
    advice: 'Wait for it, or stop it there (Ctrl-C) and give the command again: it goes on where it was.',
  },
  NO_SUCH_CONNECTOR: {
    kinds: ['rejected'],
    means: 'The config has no connector of this name.',
    advice: 'The message names those that it has.',
  },
  NO_SUCH_OBJECT: {
    kinds: ['rejected'],
    means: 'The connector has no such object.',
    advice: 'The message names those that it has.',
  },
  NO_SUCH_SYSTEM: {
    kinds: ['rejected'],
    means: 'The config has no such system, or it is of another type.',
    advice: 'The message has the names.',
  },
  NO_SUCH_FLOW: {
    kinds: ['rejected'],
    means: 'The config has no flow of this name.',
    advice: 'The message names those that it has.',
  },
  NO_SUCH_TOPIC: {
    kinds: ['rejected'],
    means: 'There is no topic of this name below the prefix of the config.',
    advice: 'See `twenty-sync topics`.',
  },
  NO_SUCH_EVENT: {
    kinds: ['rejected'],
    means: 'No event of this id, or at this place, is in the topics any more.',
    advice: 'See `twenty-sync events list`.',
  },
  AMBIGUOUS_EVENT: {
    kinds: ['rejected'],
    means: 'Several events begin like this.',
    advice: 'Give more of the id.',
  },
  NO_SUCH_DEAD_LETTER: {
    kinds: ['rejected'],
    means: 'There is no dead letter of this id.',
    advice: 'See `twenty-sync dead-letters list --all`.',
  },
  NOT_A_RECORD: {
    kinds: ['rejected'],
    means:
      '`dead-letters redrive --set` was asked for an item of an `each` that has no fields: a batch, a text or a number.',
    advice: 'Redrive it without `--set`, or discard it and send what is right as an event of its own.',
  },
  EVENT_GONE: {
    kinds: ['rejected'],
    means:
      'The event of a dead letter is no longer in its topic, and the letter, of an older version, has it only redacted.',
    advice: 'Send the event anew from where it came, then discard the letter.',
  },
  AMBIGUOUS_DEAD_LETTER: {
    kinds: ['rejected'],
    means: 'Several dead letters begin like this.',
    advice: 'Give more of the id.',
  },
}
