import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { Kafka, PartitionStream } from '../../runtime/kafka/contract.ts';
import { partitionFor } from '../../runtime/partition.ts';
import { encodeClaim, claimKey } from '../../runtime/watermarks/claims.ts';
import { SOURCE } from '../../runtime/watermarks/stages.ts';
import { sharedBrokers } from '../support/three-brokers.ts';
import { Host } from './harness/host.ts';

const SESSION_TIMEOUT_MS = 6_000;
const PARTITIONS = 2;
const ALARMS = process.env['FRESHET_FAULTS'] === 'long' ? 200_000 : 50_000;
const AT = 1_000_000;
/** Records of the other partition, one after the other, with this pause, milliseconds. */
const PACE_MS = 50;

let brokers: readonly string[];
let kafka: Kafka;
let host: Host;
let dataDir: string;
const prefix = 'timers.';
beforeAll(async () => {
  brokers = await sharedBrokers();
  kafka = await connectKafka({ brokers, clientId: 'timers' }, { waitMs: 60_000 });
  dataDir = mkdtempSync(join(tmpdir(), 'freshet-timers-'));
  host = new Host({ brokers, prefix, dataDir, sessionTimeoutMs: SESSION_TIMEOUT_MS }, 'alarms');
  const specs = [
    { name: 'alarms', partitions: PARTITIONS, config: {} },
    { name: 'rings', partitions: PARTITIONS, config: {} },
    { name: 'ring.changelog', partitions: PARTITIONS, config: { 'cleanup.policy': 'compact' } },
    { name: 'progress', partitions: 1, config: { 'cleanup.policy': 'compact', 'message.timestamp.type': 'LogAppendTime' } },
  ];
  await kafka.admin.createTopics(specs.map((spec) => ({ ...spec, name: prefix + spec.name })));
});
afterAll(async () => {
  await host.kill();
  await kafka.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Keys that the partition owns, in an order without end. */
function* keysOf(partition: number): Generator<string, never> {
  for (let i = 0; ; i++) if (partitionFor(`k${i}`, PARTITIONS) === partition) yield `k${i}`;
}

/** Reads a partition of the rings as it grows: how often each key has come. */
class Rings {
  readonly counts = new Map<string, number>();
  readonly #stream: PartitionStream;
  #heard: () => void = () => undefined;

  constructor(partition: number) {
    this.#stream = kafka.reader().open({ topic: `${prefix}rings`, partition }, 0, { notify: () => this.#take() });
  }

  get twice(): number {
    return [...this.counts.values()].filter((count) => count > 1).length;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#heard = resolve));
  }

  #take(): void {
    for (const { key } of this.#stream.take(Infinity)) this.counts.set(String(key), (this.counts.get(String(key)) ?? 0) + 1);
    this.#heard();
  }
}

const secondsSince = (began: number): string => ((performance.now() - began) / 1000).toFixed(1);

describe('very many timers of one moment', () => {
  it('fire once each while the task stays in its group, others go on, and a kill comes in between', async () => {
    const producer = kafka.producer();
    const send = (topic: string, partition: number, key: string, value: Buffer): Promise<unknown> =>
      producer.send({ topic: prefix + topic, partition, records: [{ key: Buffer.from(key), value }] });
    const own = keysOf(0);
    const alarm = Buffer.from(JSON.stringify({ at: AT }));
    for (let left = ALARMS; left > 0; left -= 10_000) {
      const records = Array.from({ length: Math.min(left, 10_000) }, () => ({
        key: Buffer.from(own.next().value),
        value: alarm,
      }));
      await producer.send({ topic: `${prefix}alarms`, partition: 0, records });
    }
    const setting = performance.now();
    host.start();
    const positions = (): readonly unknown[] =>
      (host.lines.findLast(({ event }) => event === 'status')?.['positions'] ?? []) as readonly unknown[];
    await host.until(() => positions()[0] === ALARMS, 120_000);
    const set = secondsSince(setting);
    const said = host.lines.length;

    const [rings, quiet] = [new Rings(0), new Rings(1)];
    const claim = { stage: SOURCE, task: '0', source: 'bell', at: AT };
    await send('progress', 0, claimKey(claim.stage, claim.task, claim.source), encodeClaim(claim));
    const ringing = performance.now();
    const over = new AbortController();
    const waits: number[] = [];
    const asking = (async () => {
      for (const key of keysOf(1)) {
        if (over.signal.aborted) return;
        const asked = performance.now();
        await send('alarms', 1, key, Buffer.from('{}'));
        await quiet.until(() => quiet.counts.has(key));
        waits.push(performance.now() - asked);
        await delay(PACE_MS);
      }
    })();
    await rings.until(() => rings.counts.size > ALARMS / 2);
    const before = [...waits];
    const killedAfter = rings.counts.size;
    await host.kill();
    host.start();
    await rings.until(() => rings.counts.size === ALARMS);
    const fired = secondsSince(ringing);
    // Whatever is due comes before a further record: behind this one there is nothing more.
    const last = own.next().value;
    await send('alarms', 0, last, Buffer.from('{}'));
    await rings.until(() => rings.counts.has(last));
    over.abort();
    await asking;

    const told = `${ALARMS} set in ${set} s, fired in ${fired} s with a kill after ${killedAfter}, ${rings.twice} twice`;
    const others = `${waits.length} others answered meanwhile, ${before.length} before the kill, at most ${Math.round(Math.max(...before))} ms`;
    process.stderr.write(
      `freshet: timers: ${told}; ${others}; event loop at most ${host.stalledMs()} ms late, ${host.stalledMs(said)} when fired\n`,
    );
    expect(rings.counts.size).toBe(ALARMS + 1);
    expect(rings.twice + quiet.twice).toBe(0);
    expect(killedAfter).toBeLessThan(ALARMS);
    expect(before.length).toBeGreaterThan(3);
    expect(host.said('log', 'group membership lost')).toEqual([]);
    expect(host.stalledMs()).toBeLessThan(1_000);
  });
});
