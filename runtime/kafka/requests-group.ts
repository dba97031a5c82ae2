import { byTopic, writeArray } from './request.ts';
import type { ApiRequest } from './request.ts';
import { ProtocolError, check } from './protocol-error.ts';
import type { PartitionCode } from './requests-producer.ts';
import type { TopicPartition } from '../record.ts';

/** Who one is in a group. Outside of any membership: memberId '' and generation -1. */
export interface Membership {
  readonly memberId: string;
  readonly generation: number;
  /** Name that a member keeps over its restarts, if it has one. */
  readonly instanceId?: string | undefined;
}

export interface JoinOptions {
  readonly group: string;
  /** '' at the first time. */
  readonly memberId: string;
  readonly instanceId: string | undefined;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocol: string;
  readonly metadata: Buffer;
}

export interface Joined extends Membership {
  readonly leaderId: string;
  /** All members with their metadata; empty unless one leads. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[];
}

/** The broker wants the member to join again under the id that it gave. */
export class MemberIdRequired extends ProtocolError {
  readonly memberId: string;
  constructor(memberId: string) {
    super('MEMBER_ID_REQUIRED', 'join again with the member id', { definite: true, retriable: true });
    this.memberId = memberId;
  }
}

const MEMBER_ID_REQUIRED = 79;

/** Answered when all members of the group have joined. */
export function joinGroup(options: JoinOptions): ApiRequest<Joined> {
  return {
    apiKey: 11,
    apiVersion: 5,
    name: 'JoinGroup',
    waits: options.rebalanceTimeoutMs,
    encode: (to) => {
      to.writeString(options.group).writeInt32(options.sessionTimeoutMs).writeInt32(options.rebalanceTimeoutMs);
      to.writeString(options.memberId)
        .writeString(options.instanceId ?? null)
        .writeString('consumer');
      writeArray(to, [options], (to, { protocol, metadata }) => to.writeString(protocol).writeBytes(metadata));
    },
    decode: (from) => {
      from.readInt32();
      const errorCode = from.readInt16();
      const generation = from.readInt32();
      from.readString();
      const leaderId = from.readString() ?? '';
      const memberId = from.readString() ?? '';
      if (errorCode === MEMBER_ID_REQUIRED) throw new MemberIdRequired(memberId);
      check(errorCode, `JoinGroup ${options.group}`);
      const members = from.readArray((from) => {
        const memberId = from.readString() ?? '';
        from.readString();
        return { memberId, metadata: from.readBytes() ?? Buffer.alloc(0) };
      });
      return { generation, leaderId, memberId, members };
    },
  };
}

/** The leader hands in everyone's assignment; everyone gets the own one. */
export function syncGroup(
  group: string,
  { memberId, generation, instanceId }: Membership,
  assignments: ReadonlyMap<string, Buffer>,
  waits: number,
): ApiRequest<Buffer> {
  return {
    apiKey: 14,
    apiVersion: 3,
    name: 'SyncGroup',
    waits,
    encode: (to) => {
      to.writeString(group)
        .writeInt32(generation)
        .writeString(memberId)
        .writeString(instanceId ?? null);
      writeArray(to, [...assignments], (to, [member, assignment]) => to.writeString(member).writeBytes(assignment));
    },
    decode: (from) => {
      from.readInt32();
      check(from.readInt16(), `SyncGroup ${group}`);
      return from.readBytes() ?? Buffer.alloc(0);
    },
  };
}

export function heartbeat(group: string, { memberId, generation, instanceId }: Membership): ApiRequest<void> {
  return {
    apiKey: 12,
    apiVersion: 3,
    name: 'Heartbeat',
    encode: (to) =>
      to
        .writeString(group)
        .writeInt32(generation)
        .writeString(memberId)
        .writeString(instanceId ?? null),
    decode: (from) => {
      from.readInt32();
      check(from.readInt16(), `Heartbeat ${group}`);
    },
  };
}

export function leaveGroup(group: string, { memberId, instanceId }: Omit<Membership, 'generation'>): ApiRequest<void> {
  return {
    apiKey: 13,
    apiVersion: 3,
    name: 'LeaveGroup',
    encode: (to) => {
      to.writeString(group);
      writeArray(to, [memberId], (to, id) => to.writeString(id).writeString(instanceId ?? null));
    },
    decode: (from) => {
      from.readInt32();
      check(from.readInt16(), `LeaveGroup ${group}`);
    },
  };
}

export function offsetCommit(
  group: string,
  { memberId, generation }: Membership,
  offsets: readonly (TopicPartition & { readonly offset: number })[],
): ApiRequest<PartitionCode[]> {
  return {
    apiKey: 8,
    apiVersion: 5,
    name: 'OffsetCommit',
    encode: (to) => {
      to.writeString(group).writeInt32(generation).writeString(memberId);
      writeArray(to, byTopic(offsets), (to, [topic, list]) => {
        to.writeString(topic);
        writeArray(to, list, (to, { partition, offset }) => to.writeInt32(partition).writeInt64(offset).writeString(null));
      });
    },
    decode: (from) => {
      from.readInt32();
      const topics = from.readArray((from) => {
        const topic = from.readString() ?? '';
        return from.readArray((from) => ({ topic, partition: from.readInt32(), errorCode: from.readInt16() }));
      });
      return topics.flat();
    },
  };
}
