/** Every code a FreshetError can carry. Closed: a new failure gets a new row here and in the docs. */
export type ErrorCode =
  | 'CONFIG_INVALID'
  | 'TOPOLOGY_INVALID'
  | 'TOPIC_MISMATCH'
  | 'FORMAT_MISMATCH'
  | 'UNDECLARED_OUTPUT'
  | 'DECODE_FAILED'
  | 'ENCODE_FAILED'
  | 'PROCESS_FAILED'
  | 'POISON_LIMIT'
  | 'FENCED'
  | 'OFFSET_OUT_OF_RANGE'
  | 'RECORD_TOO_LARGE'
  | 'CORRUPT_BATCH'
  | 'BROKER_UNAVAILABLE'
  | 'REGISTRY_UNAVAILABLE'
  | 'TRANSACTION_FAILED'
  | 'PRODUCE_FAILED'
  | 'TABLE_BEHIND'
  | 'STORE_CORRUPT'
  | 'STORE_FULL'
  | 'STORE_LOCKED'
  | 'NOT_LOCAL'
  | 'PORT_BUSY'
  | 'ALREADY_RUNNING'
  | 'MISSING_TOOL'
  | 'CLOSED';

/** The one error type of freshet. `retryable` says whether the same call may succeed later; the message holds no personal data. */
export class FreshetError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FreshetError';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
