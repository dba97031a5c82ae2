import { decoder, encoder } from './kafkajs.ts';
import { writeArray } from './request.ts';
import type { StickyMember } from './sticky-assignor.ts';

/** Name under which the members agree on the assignor. */
export const PROTOCOL = 'freshet-sticky';
const VERSION = 1;

type Claim = Omit<StickyMember, 'id'>;

/** A member's subscription in the standard consumer form, its claim in the user data. */
export function encodeSubscription(topic: string, claim: Claim): Buffer {
  const data = encoder().writeInt16(VERSION).writeInt32(claim.generation);
  for (const tasks of [claim.current, claim.owned]) writeArray(data, tasks, (to, task) => to.writeInt32(task));
  const subscription = encoder().writeInt16(0);
  writeArray(subscription, [topic], (to, name) => to.writeString(name));
  return subscription.writeBytes(data.buffer).buffer;
}

/** A claim that cannot be read claims nothing. */
export function decodeSubscription(bytes: Buffer): Claim {
  try {
    const subscription = decoder(bytes);
    subscription.readInt16();
    subscription.readArray((from) => from.readString());
    const data = decoder(subscription.readBytes() ?? Buffer.alloc(0));
    if (data.readInt16() !== VERSION) return nothing;
    const generation = data.readInt32();
    const [current = [], owned = []] = [0, 1].map(() => data.readArray((from) => from.readInt32()));
    return { generation, current, owned };
  } catch {
    return nothing;
  }
}

const nothing: Claim = { generation: -1, current: [], owned: [] };

/** An assignment in the standard consumer form, so that group tools can read it. */
export function encodeAssignment(topic: string, tasks: readonly number[]): Buffer {
  const assignment = encoder().writeInt16(0);
  writeArray(assignment, [topic], (to, name) => {
    to.writeString(name);
    writeArray(to, tasks, (to, task) => to.writeInt32(task));
  });
  return assignment.writeBytes(Buffer.alloc(0)).buffer;
}

/** The tasks of an assignment; none when it is empty. */
export function decodeAssignment(bytes: Buffer): readonly number[] {
  if (bytes.length === 0) return [];
  const assignment = decoder(bytes);
  assignment.readInt16();
  const topics = assignment.readArray((from) => {
    from.readString();
    return from.readArray((from) => from.readInt32());
  });
  return topics.flat();
}
