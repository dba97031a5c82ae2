import { FreshetError } from '../runtime/errors.ts';
import type { Rejected } from '../runtime/record.ts';
import type { RejectedRecord } from './generated/types.ts';

const steps: readonly Rejected['step'][] = ['decode', 'transform', 'validate', 'process'];

/** The runtime's view of a record of events.rejected. Throws DECODE_FAILED on a step that nobody knows. */
export function toRejected(record: RejectedRecord): Rejected {
  const step = steps.find((known) => known === record.step);
  if (step === undefined) throw new FreshetError('DECODE_FAILED', 'RejectedRecord: no such step');
  return { ...record, step };
}

/** The record of events.rejected for what the runtime refused. */
export function toRejectedRecord(rejected: Rejected): RejectedRecord {
  return rejected;
}
