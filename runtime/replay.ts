import { header, type Headers } from './record.ts';

/** Header of a record that an operator has sent again: where the rejected record of it lies, as `partition/offset` of the rejected topic. */
export const REPLAY_OF = 'replay-of';

/** Header of a replayed record: the processor that had refused it. Others that read the same topic have had it already. */
export const REPLAY_FOR = 'replay-for';

/** Whether a replayed record is meant for other processors than this one. */
export function isForAnother(headers: Headers, processor: string): boolean {
  return (header(headers, REPLAY_FOR) ?? processor) !== processor;
}
