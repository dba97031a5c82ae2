import { expect } from '@jest/globals';
import { crashPointCases } from '../conformance/task/crash-points.ts';
import { realKafka } from '../support/real-kafka.ts';
import { injectWireFault } from '../support/wire-faults.ts';

const END_TXN = 26;
const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');

crashPointCases(
  'a real Kafka',
  () => realKafka({ brokers, clientId: 'crash-points' }),
  async (transact) => {
    const injected = injectWireFault({ apiKey: END_TXN, times: 1, answer: () => undefined });
    try {
      await expect(transact()).rejects.toMatchObject({ code: 'TRANSACTION_FAILED' });
    } finally {
      injected.end();
    }
    expect(injected.met).toBe(1);
  },
);
