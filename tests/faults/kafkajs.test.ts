import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LocalCluster } from '../../infra/local/cluster.ts';
import { defects, fanOutUnderRestarts, type Defect } from '../conformance/kafka/defects.ts';
import { Bench, type KafkaHarness } from '../conformance/kafka/harness.ts';
import { plainKafkajs } from '../support/plain-kafkajs.ts';
import { realKafka } from '../support/real-kafka.ts';
import { startThreeBrokers } from '../support/three-brokers.ts';

/** With FRESHET_FAULTS=long also those that take minutes and some luck: brokers restarted under a fan-out. */
const slow = process.env['FRESHET_FAULTS'] === 'long';
/** A client that says nothing for so long is taken for deaf, milliseconds. */
const DEAF_MS = 9_000;
const PATIENCE_MS = 60_000;
const WIDTH = 96;

let cluster: LocalCluster;
let ours: KafkaHarness;
let plain: KafkaHarness;
const table: string[] = [];
const closing: Promise<void>[] = [];
beforeAll(async () => {
  cluster = await startThreeBrokers();
  ours = await realKafka({ brokers: cluster.brokers, clientId: 'ours' });
  plain = plainKafkajs(cluster.brokers, ours);
});
afterAll(async () => {
  process.stderr.write(`freshet: ${'a client …'.padEnd(WIDTH)} ours   kafkajs 2.2.4\n${table.join('')}`);
  await Promise.all(closing);
  await plain.close();
  await ours.close();
  await cluster.stop();
});

/** How a client broke a promise, undefined when it kept it. */
async function breach({ check }: Defect, harness: KafkaHarness, patienceMs: number): Promise<string | undefined> {
  const bench = await Bench.open(harness);
  const deaf = new AbortController();
  try {
    const tooLong = delay(patienceMs, undefined, { signal: deaf.signal }).then(() => {
      throw new Error(`nothing has come for ${patienceMs / 1000} s`);
    });
    await Promise.race([check(bench), tooLong]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    deaf.abort();
    closing.push(bench.close().catch(() => undefined));
  }
}

const row = (promise: string, mine: string, theirs: string): void =>
  void table.push(`freshet: ${promise.padEnd(WIDTH)} ${mine.padEnd(6)} ${theirs}\n`);
/** What was there in place of what was expected, of a message of jest. */
const brief = (why: string): string => {
  const lines = stripVTControlCharacters(why).split('\n');
  const found = lines
    .filter((line) => /^(\+ {2}|Received[^:]*:)/.test(line))
    .map((line) => line.replace(/^\+ +|^Received[^:]*: +/, ''));
  return (found.length > 0 ? `it gives ${found.join(' ')}` : (lines[0] ?? '')).slice(0, 60);
};
const verdict = (why: string | undefined): 'keeps' | 'breaks' => (why === undefined ? 'keeps' : 'breaks');

describe('a promise that our client keeps', () => {
  it.each(defects.filter(({ byHand }) => slow || byHand === undefined))(
    'and kafkajs as it is $kafkajs: $promise',
    async (defect) => {
      const first = breach(defect, ours, PATIENCE_MS);
      if (defect.alone === true) await first;
      const [mine, theirs] = await Promise.all([first, breach(defect, plain, DEAF_MS)]);
      row(defect.promise, verdict(mine), `${verdict(theirs)}${theirs === undefined ? '' : `: ${brief(theirs)}`}`);
      expect(mine).toBeUndefined();
      expect(verdict(theirs)).toBe(defect.kafkajs);
    },
  );

  const restart = async (index: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    await delay(2_000);
    await cluster.kill(index, signal);
    await delay(3_000);
    await cluster.restart(index);
    await delay(6_000);
  };

  if (!slow) return;
  it.each(['SIGTERM', 'SIGKILL'] as const)('over a fan-out while brokers are restarted by %s', async (signal) => {
    const told = async (harness: KafkaHarness): Promise<{ lost: number; doubled: number; text: string }> => {
      const bench = await Bench.open(harness);
      const result = await fanOutUnderRestarts(bench, restart, signal);
      await bench.close().catch(() => undefined);
      return { ...result, text: `${result.acknowledged} acknowledged, ${result.lost} lost, ${result.doubled} doubled` };
    };
    const mine = await told(ours);
    const theirs = await told(plain);
    row(
      `neither loses nor doubles over three restarts by ${signal}`,
      verdict(mine.lost + mine.doubled > 0 ? 'x' : undefined),
      '',
    );
    row(`  ours: ${mine.text}; kafkajs: ${theirs.text}`, '', '');
    expect([mine.lost, mine.doubled]).toEqual([0, 0]);
    expect(theirs.lost + theirs.doubled).toBeGreaterThan(0);
  });
});
