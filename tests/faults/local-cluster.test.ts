import { mkdtempSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { startLocalCluster, type LocalCluster } from '../../infra/local/cluster.ts';
import { brokersSeenBy } from '../../infra/local/probe.ts';
import { eventually } from '../support/eventually.ts';

describe('a local cluster of three brokers', () => {
  let dataDir: string;
  let cluster: LocalCluster;
  const deaths: string[] = [];
  beforeAll(async () => {
    dataDir = mkdtempSync(clusterFolder);
    const onDeath = ({ message }: Error): void => void deaths.push(message);
    cluster = await startLocalCluster({
      dataDir,
      shortLived: true,
      brokers: 3,
      kafkaPort: 0,
      registryPort: 'none',
      log: () => undefined,
      onDeath,
    });
  });
  afterAll(async () => {
    await cluster.stop();
    rmSync(dataDir, { recursive: true });
  });
  const seenBy = (index: number): Promise<number[]> => brokersSeenBy('127.0.0.1', Number(cluster.brokers[index]?.split(':')[1]));

  it('is up when each knows the others', async () => {
    expect(new Set(await seenBy(0))).toEqual(new Set([1, 2, 3]));
  });

  it('goes on without the one that was killed, and takes it back', async () => {
    await cluster.kill(1, 'SIGKILL');
    expect(await seenBy(1)).toEqual([]);
    expect(await seenBy(0)).toContain(1);
    await cluster.restart(1);
    expect(await seenBy(1)).toContain(2);
  });

  it('goes on when a broker that was stopped is continued', async () => {
    await cluster.kill(2, 'SIGSTOP');
    // A process stops some moments after it was told to.
    await eventually(
      () => seenBy(2),
      (seen) => expect(seen).toEqual([]),
    );
    await cluster.kill(2, 'SIGCONT');
    expect(await seenBy(2)).toContain(3);
    expect(deaths).toEqual([]);
  });
});
