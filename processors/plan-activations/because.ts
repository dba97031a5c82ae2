import type { MembershipChange } from '../../schemas/generated/types.ts';

const time = (at: number): string => new Date(at).toISOString();

/** Why a membership changed, in words without personal data: the event or the time, and up to when was seen what it rests on. */
export function becauseOf({ segment, change, effectiveAt, cause, proof }: MembershipChange): string {
  const verb = change === 'entered' ? 'entered' : 'left';
  const what =
    cause.event === null
      ? `time passed, and at ${time(effectiveAt)} the customer`
      : `${cause.event} at ${time(effectiveAt)}: the customer`;
  const sources = proof.sources.map(({ source }) => source).join(', ');
  const seen = proof.now === null ? 'its sources have not been seen yet' : `${sources} seen up to ${time(proof.now)}`;
  return `${what} ${verb} ${segment}; ${seen}`;
}
