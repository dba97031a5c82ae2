import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LocalCluster } from '../../infra/local/cluster.ts';
import { startThreeBrokers } from '../support/three-brokers.ts';
import { wreak } from './harness/chaos.ts';
import { Deployment } from './harness/deployment.ts';
import { type History, judge, type Row, spotless, summary } from './harness/oracle.ts';
import { randomOf } from './harness/random.ts';

/** The same faults in the same order come again with the seed that a run has printed. */
const seed = Number(process.env['FRESHET_FAULT_SEED'] ?? Date.now() % 1_000_000);
/** Few: `chaos.test.ts` does many, to the whole pipeline. */
const plan = { kills: 2, stalls: 0, brokerKills: 1, rollings: 1 };
const BATCH = 100;
const EVERY_MS = 100;
const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);

describe('the runtime under random faults', () => {
  let cluster: LocalCluster;
  let deployment: Deployment;
  let history: History;
  beforeAll(async () => {
    cluster = await startThreeBrokers();
    deployment = await Deployment.create({ brokers: cluster.brokers, hosts: 3 });
  });
  afterAll(async () => {
    await deployment.close();
    await cluster.stop();
  });

  it('neither loses, doubles, swaps nor invents anything, and leaves the state that the log says', async () => {
    say(`seed ${seed}`);
    for (const host of deployment.hosts) host.start();
    for (const host of deployment.hosts) await host.until(() => host.said('started').length > 0);

    const over = new AbortController();
    const producing = (async () => {
      const producer = deployment.kafka.producer();
      while (!over.signal.aborted) {
        await deployment.produce(BATCH, producer);
        await delay(EVERY_MS);
      }
    })();
    const began = Date.now();
    const faults = await wreak(plan, deployment, cluster, randomOf(seed), (line) =>
      say(`${((Date.now() - began) / 1000).toFixed(1)} s: ${line}, ${deployment.acked.size} records so far`),
    );
    over.abort();
    await producing;
    const ended = Date.now();
    await deployment.settled();
    say(`caught up ${((Date.now() - ended) / 1000).toFixed(1)} s after the last record`);
    for (const host of deployment.hosts) expect(await host.stop()).toBe('code 0');

    history = await deployment.history();
    const verdict = judge(history);
    say(`${await deployment.abortedInLog()} records of aborted transactions lie in the outputs`);
    say(summary(faults, deployment.acked.size, verdict));
    expect(verdict).toEqual(spotless);
  });

  describe('the judge', () => {
    const outputs = ['echoes', 'spread', 'results'];
    const committed = (change: (rows: Row[]) => Row[]): History => ({ ...history, committed: change([...history.committed]) });
    const some = (topic: string, kind?: string): number =>
      history.committed.findIndex(
        (row) => row.topic === topic && row.value.seq > 50 && (kind ?? row.value.kind) === row.value.kind,
      );

    it.each(['numbers', ...outputs])('finds a record lost in %s', (topic) => {
      expect(judge(committed((rows) => rows.toSpliced(some(topic), 1))).lost).toBeGreaterThan(0);
    });

    it.each(outputs)('finds a record doubled in %s', (topic) => {
      const at = some(topic);
      const again = (rows: Row[]): Row[] => rows.toSpliced(at, 0, { ...(rows[at] as Row), offset: 10_000_000 });
      expect(judge(committed(again)).duplicated).toBe(1);
    });

    it.each(['echoes', 'spread'])('finds two records of one key swapped in %s', (topic) => {
      const fromOf = (value: Row['value']): string => ('from' in value ? value.from : '');
      const swap = (rows: Row[]): Row[] => {
        const first = rows[some(topic)] as Row;
        const second = rows.find(
          ({ topic, key, offset, value }) =>
            topic === first.topic && key === first.key && offset > first.offset && fromOf(value) === fromOf(first.value),
        ) as Row;
        return rows.map((row) => {
          if (row === first) return { ...first, offset: second.offset };
          return row === second ? { ...second, offset: first.offset } : row;
        });
      };
      expect(judge(committed(swap)).outOfOrder).toBeGreaterThan(0);
    });

    it('finds what nobody sent, what was never committed, and a sum that is wrong', () => {
      const at = some('spread');
      const row = history.committed[at] as Row;
      const invented: Row = { ...row, offset: 20_000_000, value: { ...row.value, seq: 99_999_999 } };
      expect(judge(committed((rows) => [...rows, invented])).phantom).toBe(1);
      expect(judge({ ...history, live: [...history.live, invented] }).abortedReads).toBe(1);
      const wrong = { ...row, value: { ...row.value, sum: -1 } as Row['value'] };
      expect(judge(committed((rows) => rows.with(at, wrong))).wrong).toBe(1);
    });

    it('finds a timer that fired twice, and one that fired too early', () => {
      const at = some('results', 'fired');
      const fired = history.committed[at] as Row;
      expect(judge(committed((rows) => [...rows, { ...fired, offset: 30_000_000 }])).duplicated).toBe(1);
      expect(judge(committed((rows) => rows.with(at, { ...fired, offset: -1 }))).early).toBeGreaterThan(0);
    });

    it('finds a store that lacks a key, and a changelog that has another value', () => {
      const [task = '', parts] = [...history.stores][0] ?? [];
      const less = new Map([...(parts ?? [])].slice(0, -1));
      const found = judge({ ...history, stores: new Map(history.stores).set(task, less) });
      expect([found.stateDiff, found.changelogDiff]).toEqual([1, 1]);
      const [id = ''] = [...(parts ?? new Map<string, Buffer>()).keys()].slice(-1);
      const other = new Map(history.changelogs.get(task)).set(id, Buffer.from([0, 1]));
      expect(judge({ ...history, changelogs: new Map(history.changelogs).set(task, other) }).changelogDiff).toBe(1);
    });
  });
});
