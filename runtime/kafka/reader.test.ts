import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Cluster } from './cluster.ts';
import { KafkaReader } from './reader.ts';
import type { ApiRequest } from './request.ts';
import type { FetchedPartition } from './requests-fetch.ts';

/** Topics that a fetch asks for. */
function topicsOf(request: ApiRequest<FetchedPartition[]>): string[] {
  const topics: string[] = [];
  const to: object = new Proxy(
    {},
    {
      get: (_, name) => (value: unknown) => {
        if (name === 'writeString' && value !== '') topics.push(String(value));
        return to;
      },
    },
  );
  request.encode(to as never);
  return topics;
}

/** A broker that keeps every fetch until it is told to answer, with nothing new. */
class WaitingBroker {
  readonly fetches: { readonly topics: readonly string[]; readonly answer: () => void }[] = [];
  readonly cluster = {
    options: {},
    isClosed: false,
    leader: async () => 1,
    closeLane: async () => undefined,
    send: (_leader: number, _lane: string, request: ApiRequest<FetchedPartition[]>) =>
      new Promise<FetchedPartition[]>((resolve) => {
        const topics = topicsOf(request);
        const nothing = topics.map((topic) => ({ topic, partition: 0, errorCode: 0, aborted: [], batches: Buffer.alloc(0) }));
        this.fetches.push({ topics, answer: () => resolve(nothing) });
      }),
  } as unknown as Cluster;

  async answerOldest(): Promise<void> {
    this.fetches.shift()?.answer();
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

describe('KafkaReader', () => {
  it.each(['read_uncommitted', 'read_committed'] as const)(
    'serves a %s stream although streams of the other kind wait at the broker in every lane, at times of their own',
    async (isolation) => {
      const broker = new WaitingBroker();
      const reader = new KafkaReader(broker.cluster, 'reader');
      const other = isolation === 'read_committed' ? 'read_uncommitted' : 'read_committed';
      for (const topic of ['a', 'b', 'c', 'd']) {
        reader.open({ topic, partition: 0 }, 0, { isolation: other });
        await turns();
      }
      expect(broker.fetches.map(({ topics }) => topics)).toEqual([['a'], ['b'], ['c'], ['d']]);
      reader.open({ topic: 'late', partition: 0 }, 0, { isolation });
      await turns();
      await broker.answerOldest();
      expect(broker.fetches.map(({ topics }) => topics)).toEqual([['b'], ['c'], ['d'], ['late']]);
      await broker.answerOldest();
      expect(broker.fetches.map(({ topics }) => topics)).toEqual([['c'], ['d'], ['late'], ['a', 'b']]);
      for (let i = 0; i < 8; i++) await broker.answerOldest();
      expect(broker.fetches.flatMap(({ topics }) => topics).sort()).toEqual(['a', 'b', 'c', 'd', 'late']);
      await reader.close();
    },
  );

  it('never asks for one partition twice in a request, as the answer would not tell for whom it is', async () => {
    const broker = new WaitingBroker();
    const reader = new KafkaReader(broker.cluster, 'reader');
    for (const [topic, offset] of [
      ['shared', 5],
      ['shared', 700],
      ['own', 0],
    ] as const)
      reader.open({ topic, partition: 0 }, offset);
    await turns();
    expect(broker.fetches.map(({ topics }) => topics)).toEqual([['shared', 'own'], ['shared']]);
    await reader.close();
  });

  it('tells in one line of all partitions that cannot be read, whatever a broker took along', async () => {
    const told: unknown[] = [];
    let reader: KafkaReader | undefined;
    const heard = new Promise<void>((resolve) => {
      const away = () => Promise.reject(new Error('the broker is away'));
      const log = (level: string, message: string, fields: object): void => {
        told.push({ level, message, ...fields });
        resolve();
      };
      const idle = async (): Promise<void> => undefined;
      const cluster = { options: { log }, isClosed: false, leader: away, forgetTopic: idle, closeLane: idle, sleep: turns };
      reader = new KafkaReader(cluster as unknown as Cluster, 'reader');
      for (const partition of [0, 1, 2]) reader.open({ topic: 'events', partition }, 0);
    });
    await heard;
    await reader?.close();
    const message = 'partitions cannot be read at the moment';
    expect(told).toEqual([{ level: 'warn', message, partitions: 3, first: 'events-0', reason: 'the broker is away' }]);
  });
});
