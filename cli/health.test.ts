import { describe, expect, it } from '@jest/globals';
import type { TaskStatus } from '../runtime/worker.ts';
import { type HealthOfWorker, ProcessHealth, serveHealth } from './health.ts';

const task: TaskStatus = {
  partition: 0,
  state: 'running',
  lagRecords: 0,
  newestAt: undefined,
  watermarks: {},
  restoring: undefined,
  failure: undefined,
  stalls: 0,
};
const worker = (...tasks: readonly Partial<TaskStatus>[]): HealthOfWorker => ({
  processor: { name: 'count' },
  membership: 'member',
  refused: undefined,
  silentForMs: 10,
  status: () => tasks.map((one) => ({ ...task, ...one })),
});
const answers = async (): Promise<void> => undefined;
const away = async (): Promise<void> => {
  throw new Error('nobody there');
};
const healthOf = (parts: { workers?: HealthOfWorker[]; registry?: () => Promise<void> }): ProcessHealth => {
  const health = new ProcessHealth();
  health.parts = { workers: parts.workers ?? [worker({})], probes: { kafka: answers, registry: parts.registry ?? answers } };
  return health;
};
const whyNotReady = async (health: ProcessHealth): Promise<string[]> =>
  (await health.ready()).problems.map(({ what, why }) => `${what}: ${why}`);

describe('the health of a process', () => {
  it('is not ready while it starts, and says what it waits for', async () => {
    const health = new ProcessHealth();
    expect(await whyNotReady(health)).toEqual(['process: starting']);
    health.hold('starting, waits: no registry');
    expect(await whyNotReady(health)).toEqual(['process: starting, waits: no registry']);
    expect((await health.live()).problems).toEqual([]);
  });

  it('is ready when all tasks are at work and brokers and registry answer', async () => {
    expect(await whyNotReady(healthOf({ workers: [worker({}, { partition: 1 }), worker()] }))).toEqual([]);
  });

  it('is not ready while a task restores, has failed, or what it needs is away', async () => {
    const restoring = { records: 10, bytes: 200, left: 90, secondsLeft: 9 };
    const health = healthOf({
      workers: [
        worker({ state: 'starting', restoring }, { partition: 1, state: 'failed', failure: 'too much poison: mend it' }),
        { ...worker(), membership: 'lost' },
        { ...worker({}), refused: new Error('another number of partitions') },
      ],
      registry: away,
    });
    expect(await whyNotReady(health)).toEqual([
      'registry: nobody there',
      'count-0: restoring: 10 records, 200 bytes done, 90 left, about 9 s',
      'count-1: failed: too much poison: mend it',
      'count: its membership of the group: lost',
      'count: another number of partitions',
    ]);
    expect((await health.live()).problems).toEqual([]);
  });

  it('is not alive when a worker is silent or restarts of a task are in vain', async () => {
    const health = healthOf({ workers: [worker({ stalls: 3 }), { ...worker({}), silentForMs: 200_000 }] });
    expect((await health.live()).problems.map(({ what }) => what)).toEqual(['count-0', 'count']);
  });

  it('is served with the status that orchestrators look at', async () => {
    const health = new ProcessHealth();
    const server = await serveHealth(health, { port: 0, host: '127.0.0.1' });
    const ask = async (path: string): Promise<[number, unknown]> => {
      const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
      return [answer.status, await answer.json()];
    };
    try {
      expect(await ask('/health/live')).toEqual([200, { status: 'live', problems: [] }]);
      expect(await ask('/health/ready')).toEqual([
        503,
        { status: 'not ready', problems: [{ what: 'process', why: 'starting' }] },
      ]);
    } finally {
      await server.close();
    }
  });
});
