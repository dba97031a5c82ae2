import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { FreshetError } from '../errors.ts';
import type { Cluster } from './cluster.ts';
import type { GroupMember, MemberOptions } from './contract.ts';
import { PROTOCOL, decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './group-protocol.ts';
import { asProtocolError } from './protocol-error.ts';
import type { ProtocolError } from './protocol-error.ts';
import { MemberIdRequired, heartbeat, joinGroup, leaveGroup, syncGroup } from './requests-group.ts';
import type { Joined, Membership } from './requests-group.ts';
import type { ApiRequest } from './request.ts';
import { pause } from './retry.ts';
import { assignSticky } from './sticky-assignor.ts';

const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 1_000;

/** Who this process is in each group, for whoever commits offsets there. */
export type Memberships = Map<string, Membership>;

/** A member that joins, heartbeats and joins again by itself, on a connection of its own. */
export class KafkaGroupMember implements GroupMember {
  readonly #cluster: Cluster;
  readonly #options: MemberOptions;
  readonly #memberships: Memberships;
  readonly #lane: string;
  readonly #sessionTimeoutMs: number;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #memberId = '';
  #generation = -1;
  #current: readonly number[] = [];
  #isMember = false;
  #heardAt = 0;

  constructor(cluster: Cluster, options: MemberOptions, memberships: Memberships, lane: string) {
    this.#cluster = cluster;
    this.#options = options;
    this.#memberships = memberships;
    this.#lane = lane;
    this.#sessionTimeoutMs = options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS;
    setMaxListeners(0, this.#stopping.signal);
  }

  /** Begins to join, and resolves; `onAssignment` says the rest. */
  async start(): Promise<void> {
    const { group } = this.#options;
    if (this.#running !== undefined) throw new FreshetError('ALREADY_RUNNING', `a member of ${group} is started once`);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#cluster.closeLane(this.#lane);
    await this.#running;
    this.#forgetMembership();
    if (this.#memberId === '' || this.#cluster.isClosed) return;
    const { group, instanceId } = this.#options;
    const leave = leaveGroup(group, { memberId: this.#memberId, instanceId });
    const leaving = this.#cluster
      .coordinator('group', group)
      .then((coordinator) => this.#cluster.send(coordinator, 'control', leave));
    await leaving.catch(() => undefined);
    this.#memberId = '';
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted || this.#cluster.isClosed;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#isStopped;) {
      try {
        await this.#join();
        failures = 0;
        await this.#heartbeats();
      } catch (error) {
        if (this.#isStopped) return;
        // Whatever happens here, a membership that has ended would leave the process alive and deaf.
        failures = await this.#recover(asProtocolError(error), failures).catch(() => failures + 1);
      }
    }
  }

  async #join(): Promise<void> {
    const { group, instanceId, topic, owned, onAssignment } = this.#options;
    const claim = { generation: this.#generation, current: this.#current, owned: owned() };
    const timeouts = { sessionTimeoutMs: this.#sessionTimeoutMs, rebalanceTimeoutMs: this.#sessionTimeoutMs };
    const metadata = encodeSubscription(topic, claim);
    const answer = await this.#coordinate(
      joinGroup({ group, memberId: this.#memberId, instanceId, protocol: PROTOCOL, metadata, ...timeouts }),
    );
    const joined = { ...answer, instanceId };
    this.#memberId = joined.memberId;
    const assignments = joined.leaderId === joined.memberId ? this.#assign(joined) : new Map<string, Buffer>();
    const assignment = await this.#coordinate(syncGroup(group, joined, assignments, this.#sessionTimeoutMs));
    this.#heard();
    this.#isMember = true;
    this.#generation = joined.generation;
    this.#current = [...decodeAssignment(assignment)].sort((a, b) => a - b);
    this.#memberships.set(group, { memberId: joined.memberId, generation: joined.generation });
    if (!this.#isStopped) onAssignment(this.#current);
  }

  #assign({ members }: Joined): ReadonlyMap<string, Buffer> {
    const { tasks, topic } = this.#options;
    const claims = members.map(({ memberId, metadata }) => ({ id: memberId, ...decodeSubscription(metadata) }));
    const assigned = assignSticky(tasks, claims);
    return new Map([...assigned].map(([id, list]) => [id, encodeAssignment(topic, list)]));
  }

  /** Returns when the group rebalances. */
  async #heartbeats(): Promise<void> {
    const { group, instanceId } = this.#options;
    const membership = { memberId: this.#memberId, generation: this.#generation, instanceId };
    for (;;) {
      await this.#sleep(Math.min(HEARTBEAT_MS, this.#sessionTimeoutMs / 3));
      try {
        await this.#coordinate(heartbeat(group, membership));
        this.#heard();
      } catch (error) {
        const failure = asProtocolError(error);
        if (failure.type === 'REBALANCE_IN_PROGRESS') return this.#heard();
        const late = performance.now() - this.#heardAt > this.#sessionTimeoutMs;
        if (!failure.retriable || late || this.#isStopped) throw error;
        this.#cluster.forgetCoordinator('group', group);
      }
    }
  }

  /** Decides what an error means for the membership; returns the failures in a row. */
  async #recover(failure: ProtocolError, failures: number): Promise<number> {
    if (failure instanceof MemberIdRequired) {
      this.#memberId = failure.memberId;
      return failures;
    }
    if (failure.type === 'REBALANCE_IN_PROGRESS') return failures;
    const unknown = failure.type === 'UNKNOWN_MEMBER_ID' || failure.type === 'FENCED_INSTANCE_ID';
    const late = performance.now() - this.#heardAt > this.#sessionTimeoutMs;
    if (unknown || failure.type === 'ILLEGAL_GENERATION' || late) this.#lost(failure);
    if (unknown) this.#memberId = '';
    if (failure.type === 'FENCED_INSTANCE_ID') {
      const { group, instanceId } = this.#options;
      this.#cluster.options.log?.('warn', 'another process has joined under the name of this one', { group, instanceId });
    }
    this.#cluster.forgetCoordinator('group', this.#options.group);
    if (failures === 4) {
      const fields = { group: this.#options.group, reason: failure.message };
      this.#cluster.options.log?.('warn', 'the group cannot be joined at the moment', fields);
    }
    await this.#sleep(pause(failures, 50, 1_000)).catch(() => undefined);
    return failures + 1;
  }

  #lost(cause: ProtocolError): void {
    if (!this.#isMember) return;
    this.#isMember = false;
    this.#forgetMembership();
    const message = `membership of ${this.#options.group} was lost: ${cause.message}`;
    this.#options.onLost?.(new FreshetError('BROKER_UNAVAILABLE', message, { cause, retryable: true }));
  }

  #forgetMembership(): void {
    const { group } = this.#options;
    if (this.#memberships.get(group)?.memberId === this.#memberId) this.#memberships.delete(group);
  }

  #heard(): void {
    this.#heardAt = performance.now();
  }

  #sleep(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#stopping.signal });
  }

  async #coordinate<T>(request: ApiRequest<T>): Promise<T> {
    const coordinator = await this.#cluster.coordinator('group', this.#options.group);
    return await this.#cluster.send(coordinator, this.#lane, request);
  }
}
