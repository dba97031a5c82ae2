/** Why a request is not taken, in words that programs can compare. */
export type RefusalCode =
  | 'empty_body'
  | 'invalid_body'
  | 'invalid_batch'
  | 'invalid_event'
  | 'missing_write_key'
  | 'unknown_write_key'
  | 'not_found'
  | 'body_too_large'
  | 'batch_too_large'
  | 'event_too_large'
  | 'too_many_requests'
  | 'kafka_unavailable'
  | 'stopping'
  | 'not_ready'
  | 'request_timeout'
  | 'bad_request'
  | 'internal_error';

/** An answer other than success. `message` names the field or limit and repeats nothing of the body. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly status: 400 | 401 | 404 | 408 | 413 | 429 | 500 | 503;
  readonly code: RefusalCode;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

export function refuse(status: Refusal['status'], code: RefusalCode, message: string, retryAfterSeconds?: number): Refusal {
  return { kind: 'refusal', status, code, message, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'refusal';
}

/** More is in hand than may be: the sender waits. */
export function busy(): Refusal {
  return refuse(429, 'too_many_requests', 'the gateway holds as many bytes as it may; send again later', 1);
}
