import { FreshetError, type ErrorCode } from './errors.ts';

/**
 * What a failure of a task leads to. retry: it takes over afresh, with growing pauses, for ever. retry-later: it stands
 * still, is shown as failed, and is tried again every minute. stop: it stays stopped until somebody has done something
 * about it and starts the process again. give-way: another owner has it.
 */
export type Remedy = 'retry' | 'retry-later' | 'stop' | 'give-way';

interface Failure {
  readonly remedy: Remedy;
  /** What to do about it, for whoever runs freshet. */
  readonly advice: string;
}

const known: Partial<Record<ErrorCode, Failure>> = {
  FENCED: { remedy: 'give-way', advice: 'nothing: another process has the task now' },
  POISON_LIMIT: {
    remedy: 'stop',
    advice: 'look at the newest rows of the rejected topic, mend the program or the configuration, start again, and replay them',
  },
  OFFSET_OUT_OF_RANGE: {
    remedy: 'stop',
    advice:
      'the input was shortened or made anew before it was read: what is gone cannot be counted; load it again in a prefix of its own',
  },
  UNDECLARED_OUTPUT: { remedy: 'stop', advice: 'the program is wrong: the processor must declare the topic as an output' },
  TOPIC_MISMATCH: { remedy: 'stop', advice: 'see "A changed number of partitions" in docs/operations.md' },
  FORMAT_MISMATCH: {
    remedy: 'stop',
    advice: 'see "Another version" in docs/operations.md; nothing has been written',
  },
  MISSING_TOOL: { remedy: 'stop', advice: 'run it on a platform that has what is missing' },
  CORRUPT_BATCH: { remedy: 'retry-later', advice: 'if it stays, look at the disk of the broker that leads the partition' },
  RECORD_TOO_LARGE: { remedy: 'retry-later', advice: 'raise max.message.bytes of the topic' },
  STORE_FULL: { remedy: 'retry', advice: 'make room on the disk of the store; it goes on by itself and nothing is lost' },
  STORE_LOCKED: { remedy: 'retry', advice: 'give each process a FRESHET_DATA_DIR of its own' },
  STORE_CORRUPT: { remedy: 'retry', advice: 'nothing: the store is rebuilt from the changelog' },
  BROKER_UNAVAILABLE: { remedy: 'retry', advice: 'look at the brokers; it goes on by itself' },
  TABLE_BEHIND: { remedy: 'retry', advice: 'look at the brokers: a reference table is not read as fast as it is written' },
  REGISTRY_UNAVAILABLE: { remedy: 'retry', advice: 'look at the schema registry; it goes on by itself' },
};

const unknown: Failure = { remedy: 'retry', advice: 'if it stays, look at the log' };

/** What an error that ended the work of a task leads to, and what to do about it. */
export function failureOf(error: unknown): Failure {
  return error instanceof FreshetError ? (known[error.code] ?? unknown) : unknown;
}

/** Another owner has taken over what the task writes with. */
export function isFenced(error: unknown): boolean {
  return error instanceof FreshetError && error.code === 'FENCED';
}
