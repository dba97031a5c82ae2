import { afterAll, beforeAll, describe } from '@jest/globals';
import { groupCases } from './groups.ts';
import { Bench } from './harness.ts';
import type { KafkaHarness } from './harness.ts';
import { producerCases } from './producing.ts';
import { readerCases } from './reading.ts';
import { topicCases } from './topics.ts';
import { transactionCases } from './transactions.ts';

/** Every promise of runtime/kafka/contract.ts, checked on one implementation. */
export function kafkaConformance(name: string, open: () => Promise<KafkaHarness>): void {
  describe(name, () => {
    let harness: KafkaHarness | undefined;
    let bench: Bench | undefined;
    beforeAll(async () => {
      harness = await open();
      bench = await Bench.open(harness);
    });
    afterAll(async () => {
      await bench?.close();
      await harness?.close();
    });
    const current = (): Bench => {
      if (bench === undefined) throw new Error('the implementation could not be opened');
      return bench;
    };
    describe('topics and offsets', () => topicCases(current));
    describe('producer', () => producerCases(current));
    describe('transactions', () => transactionCases(current));
    describe('reader', () => readerCases(current));
    describe('group member', () => groupCases(current));
  });
}
