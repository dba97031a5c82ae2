import { describe, expect, it } from '@jest/globals';
import { storm } from '../scenarios/identity-storm/storm.ts';

const seed = Number(process.env['FRESHET_FAULT_SEED'] ?? Date.now() % 1_000_000);

describe('people under many names', () => {
  it('are the customers of the reference, with its members of segments, though a machine dies among their merges', async () => {
    const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');
    const registryUrl = process.env['SCHEMA_REGISTRY_URL'] ?? '';
    const say = (line: string): void => void process.stderr.write(`freshet: seed ${seed}: ${line}\n`);
    const { wrong, merges, members } = await storm({ brokers, registryUrl, seed, people: 500, events: 2_000, say });
    expect(wrong).toEqual([]);
    expect(merges).toBeGreaterThan(500);
    for (const [found] of Object.values(members)) expect(found).toBeGreaterThan(20);
  });
});
