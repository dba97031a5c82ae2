import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from '../../cli/cluster.ts';
import { readSettings } from '../../cli/settings.ts';
import type { Kafka } from '../../runtime/kafka/contract.ts';
import { type SecureBroker, startSecureBroker, user } from '../support/secure-broker.ts';

let broker: SecureBroker;
beforeAll(async () => {
  broker = await startSecureBroker();
});
afterAll(() => broker.stop());

/** As a process does whose environment says so. */
async function connected(mechanism: string, password = user.password): Promise<{ kafka: Kafka; close: () => Promise<void> }> {
  const settings = readSettings({
    KAFKA_BROKERS: broker.address,
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9',
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA: broker.caFile,
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: user.username,
    KAFKA_SASL_PASSWORD: password,
  });
  return await connect(settings, { clientId: 'test', log: () => undefined, say: () => undefined, embedded: 'find' });
}

describe('a broker that talks TLS and asks who is there', () => {
  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])(
    'is written to in transactions, read and joined by %s',
    async (mechanism) => {
      const { kafka, close } = await connected(mechanism);
      const at = { topic: `secure-${mechanism}`, partition: 0 };
      await kafka.admin.createTopics([{ name: at.topic, partitions: 1, config: {} }]);
      const producer = kafka.transactionalProducer(`t-${mechanism}`);
      await producer.init();
      await producer.transact([{ ...at, records: [{ key: null, value: Buffer.from('sealed') }] }]);
      const read = new Promise<string>((resolve) => {
        const stream = kafka.reader().open(at, 0, {
          notify: () => {
            const [record] = stream.take(1);
            if (record) resolve(String(record.value));
          },
        });
      });
      expect(await read).toBe('sealed');
      const tasks = await new Promise((resolve) => {
        void kafka.member({ group: `g-${mechanism}`, topic: at.topic, tasks: 1, owned: () => [], onAssignment: resolve }).start();
      });
      expect(tasks).toEqual([0]);
      await producer.close();
      await close();
    },
  );

  it('is not waited for with a wrong password', async () => {
    await expect(connected('scram-sha-512', 'guessed')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE', retryable: false });
  });
});
