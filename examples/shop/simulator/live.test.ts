import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { endpoint, listen, type RecordingProducer } from '../../../connectors/sources/gateway/fixture.ts';
import { createGateway } from '../../../connectors/sources/gateway/index.ts';
import { faultKinds, withFaults } from './faults.ts';
import { runLive, type LiveOptions, type LiveStatus } from './live.ts';
import { shopEvents } from './model.ts';
import { demoPace } from './pace.ts';
import { openSender } from './sender.ts';
import { shopFeeds } from './shop-event.ts';

/** Of tests that run a gateway, an SDK and now and then a process, on a machine that may be busy; milliseconds. */
const patience = 30_000;
type Gateway = Awaited<ReturnType<typeof listen>>;

const writeKeys = { shop: 'dev-shop-key', orders: 'dev-orders-key', stock: 'dev-stock-key', prices: 'dev-prices-key' };
const sources = shopFeeds.map((name) => endpoint(name, writeKeys[name]));
const gateways: Pick<Gateway, 'gateway'>[] = [];
afterEach(() => Promise.all(gateways.splice(0).map(({ gateway }) => gateway.stop(0))));

async function open(): Promise<Gateway> {
  const opened = await listen({ sources });
  gateways.push(opened);
  return opened;
}

/** The gateway of the same port, after it has been ended. */
async function reopen({ producer, feed, clock, port }: Gateway): Promise<Pick<Gateway, 'gateway'>> {
  const reject = (): Promise<void> => Promise.resolve();
  const gateway = createGateway({ sources, producer, partitions: 4, topicName: 'raw', feed, clock, secret: 'secret', reject });
  await gateway.start({ port });
  gateways.push({ gateway });
  return { gateway };
}

/** Resolves once so many records have come. */
function received(producer: RecordingProducer, count: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    producer.onSend = ({ records }) => {
      seen += records.length;
      if (seen >= count) resolve();
    };
  });
}

function live(
  host: string,
  more: Partial<LiveOptions> = {},
): { readonly stop: () => void; readonly done: ReturnType<typeof runLive> } {
  const stopping = new AbortController();
  const done = runLive({ host, writeKeys, seed: 1, eventsPerSecond: 150, signal: stopping.signal, ...more });
  return { stop: () => stopping.abort(), done };
}

describe('the shop in real time', () => {
  it(
    'sends through the SDK what the gateway takes, and counts what it sent',
    async () => {
      const { url, producer } = await open();
      const shop = live(url);
      await received(producer, 500);
      shop.stop();
      const status = await shop.done;
      const told = producer.records.filter(({ message }) => message['event'] !== 'Till Open');
      expect(status.acknowledged).toBe(told.length);
      expect(status.refused).toBe(status.faults.broken);
      expect(status).toMatchObject({ unanswered: 0, inFlight: 0 });
      expect(producer.records[0]?.message).toMatchObject({ context: { library: { name: '@segment/analytics-node' } } });
      expect(new Set(producer.records.map(({ message }) => message['type']))).toEqual(new Set(['page', 'track', 'identify']));
    },
    patience,
  );

  it(
    'sends again what nobody answered, holds no more than it may, and is well when the gateway comes back',
    async () => {
      const gateway = await open();
      const { producer, url } = gateway;
      const stuck = Promise.withResolvers<void>();
      let most = 0;
      const onStatus = ({ inFlight, unanswered }: LiveStatus): void => {
        most = Math.max(most, inFlight);
        if (inFlight === 40 && unanswered > 0) stuck.resolve();
      };
      const shop = live(url, { maxInFlight: 40, statusEvery: 20, onStatus });
      await received(producer, 50);
      await gateway.gateway.stop(0);
      await stuck.promise;
      const before = producer.records.length;
      await reopen(gateway);
      await received(producer, 100);
      shop.stop();
      const status = await shop.done;
      expect(most).toBe(40);
      const ids = new Set(producer.records.map(({ message }) => message['messageId']));
      expect(ids.size).toBeGreaterThan(before + 90);
      expect(status.refused).toBe(status.faults.broken);
    },
    patience,
  );
});

describe('broken messages', () => {
  it(
    'are refused by the gateway, each for what is wrong with it',
    async () => {
      const { url, rejected } = await open();
      const sender = openSender({ host: url, writeKeys });
      const events = shopEvents({ seed: 1, start: 0, end: 60_000, eventsPerSecond: 2, pace: demoPace });
      const onlyBroken = { duplicate: 0, 'out-of-order': 0, late: 0, broken: 1, future: 0 };
      const bodies = [...withFaults(events, 1, onlyBroken)].flatMap(({ body }) => body ?? []);
      const outcomes = await Promise.all(bodies.map((body) => sender.post('shop', body)));
      await sender.close(0);
      expect(new Set(outcomes)).toEqual(new Set(['refused']));
      const fields = new Set(rejected.map(({ reason }) => reason.split(' ')[0]));
      expect(fields).toEqual(new Set(['event', 'properties', 'timestamp', 'type', 'userId']));
    },
    patience,
  );
});

describe('the shop as a process', () => {
  it(
    'lives, tells how it is, and ends at once when it is asked to',
    async () => {
      const { url, producer } = await open();
      const main = join(import.meta.dirname, 'main.ts');
      const child = spawn(process.execPath, [main, '--host', url, '--seed', '3', '--rate', '200', '--status-every', '0.2']);
      const lines: string[] = [];
      child.stdout.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trim().split('\n')));
      await received(producer, 50);
      const asked = Date.now();
      child.kill('SIGTERM');
      const [code] = (await once(child, 'close')) as [number];
      expect(code).toBe(0);
      expect(Date.now() - asked).toBeLessThan(4000);
      const told = producer.records.filter(({ message }) => message['event'] !== 'Till Open');
      const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(said[said.length - 1]).toMatchObject({ kind: 'stopped', acknowledged: told.length });
      expect(said[0]).toMatchObject({
        kind: 'status',
        faults: Object.fromEntries(faultKinds.map((kind) => [kind, expect.any(Number)])),
      });
    },
    patience,
  );
});
