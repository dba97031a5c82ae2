import { FreshetError } from '../errors.ts';
import { KafkaAdmin } from './admin.ts';
import { Cluster } from './cluster.ts';
import type { Admin, GroupMember, Kafka, MemberOptions, PartitionReader, Producer, TransactionalProducer } from './contract.ts';
import { KafkaGroupMember } from './group-member.ts';
import type { Memberships } from './group-member.ts';
import type { KafkaOptions } from './options.ts';
import { KafkaProducer } from './producer.ts';
import { asProtocolError } from './protocol-error.ts';
import { KafkaReader } from './reader.ts';
import { deadlineIn, retrying } from './retry.ts';
import { KafkaTransactionalProducer } from './transactional-producer.ts';

export type { KafkaOptions } from './options.ts';

/** Connections to each broker that the transactional producers share. */
const TRANSACTION_LANES = 4;

/**
 * Connects to a cluster. Waits `waitMs` for a broker to answer, then rejects with BROKER_UNAVAILABLE; refused credentials
 * and certificates reject at once. Later faults are retried by each part as its contract says.
 */
export async function connectKafka(options: KafkaOptions, { waitMs = 30_000 } = {}): Promise<Kafka> {
  const cluster = new Cluster(options);
  const patient = ({ type, retriable }: { type: string; retriable: boolean }): boolean =>
    retriable && type !== 'AUTHENTICATION_FAILED';
  try {
    await retrying(cluster, { deadline: deadlineIn(waitMs), retriable: patient }, () => cluster.refresh());
  } catch (error) {
    await cluster.close();
    const { message, type } = asProtocolError(error);
    const retryable = type !== 'AUTHENTICATION_FAILED';
    const hint = /closed connection|before secure TLS/i.test(message)
      ? ' (does the listener want other ssl or sasl settings?)'
      : '';
    const where = options.brokers.join(', ');
    throw new FreshetError('BROKER_UNAVAILABLE', `no Kafka at ${where}: ${message}${hint}`, { cause: error, retryable });
  }
  return new KafkaClient(cluster);
}

class KafkaClient implements Kafka {
  readonly admin: Admin;
  readonly #cluster: Cluster;
  readonly #memberships: Memberships = new Map();
  readonly #members: GroupMember[] = [];
  readonly #readers: PartitionReader[] = [];
  #transactionalProducers = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.admin = new KafkaAdmin(cluster, this.#memberships);
  }

  reader(): PartitionReader {
    const reader = new KafkaReader(this.#cluster, `fetch-${this.#readers.length}`);
    this.#readers.push(reader);
    return reader;
  }

  producer(): Producer {
    return new KafkaProducer(this.#cluster);
  }

  transactionalProducer(transactionalId: string): TransactionalProducer {
    const lane = `transactions-${this.#transactionalProducers++ % TRANSACTION_LANES}`;
    return new KafkaTransactionalProducer(this.#cluster, transactionalId, lane);
  }

  member(options: MemberOptions): GroupMember {
    const lane = `group-${this.#members.length}`;
    const member = new KafkaGroupMember(this.#cluster, options, this.#memberships, lane);
    this.#members.push(member);
    return member;
  }

  /** Leaves the groups, stops reading, rejects what is under way with CLOSED, closes every connection. */
  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop()));
    await Promise.all(this.#readers.map((reader) => reader.close()));
    await this.#cluster.close();
  }
}
