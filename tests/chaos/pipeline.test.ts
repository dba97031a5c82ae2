import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LocalCluster } from '../../infra/local/cluster.ts';
import { type ChaosResult, runChaosOn } from './run.ts';
import type { ChaosOptions } from './settings.ts';
import { startThreeBrokers } from '../support/three-brokers.ts';

/** The same events and faults come again with the seed that a run has printed. */
const seed = Number(process.env['FRESHET_FAULT_SEED'] ?? Date.now() % 1_000_000);
const no = {
  kills: 0,
  stalls: 0,
  rebalances: 0,
  fullDisks: 0,
  gatewayKills: 0,
  brokerKills: 0,
  brokerRestarts: 0,
  registryOutages: 0,
};

describe('the whole pipeline, in processes of its own', () => {
  let cluster: LocalCluster;
  beforeAll(async () => {
    cluster = await startThreeBrokers({ registry: true });
  });
  afterAll(() => cluster.stop());

  const run = async (options: Pick<ChaosOptions, 'minutes' | 'events' | 'faults' | 'mutation'>): Promise<ChaosResult> => {
    const say = (line: string): void => void process.stderr.write(`freshet: ${line}\n`);
    const result = await runChaosOn(cluster, { seed, say, ...options });
    say(`seed ${seed}: ${result.line}`);
    return result;
  };

  it('under random faults loses, doubles, swaps and invents nothing, and every membership is what the raw log says', async () => {
    const faults = {
      kills: 12,
      stalls: 3,
      rebalances: 1,
      fullDisks: 1,
      gatewayKills: 1,
      brokerKills: 3,
      brokerRestarts: 1,
      registryOutages: 1,
    };
    const { counts } = await run({ minutes: 2.2, events: 100_000, faults });
    expect(counts.lines()).toEqual([]);
  });

  it('is found out when it does not drop what comes twice', async () => {
    const { counts } = await run({ minutes: 0.1, events: 3_000, faults: no, mutation: 'no-de-duplication' });
    expect(counts.of('duplicated')).toBeGreaterThan(0);
  });
});
