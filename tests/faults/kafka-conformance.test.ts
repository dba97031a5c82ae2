import { beforeAll } from '@jest/globals';
import { kafkaConformance } from '../conformance/kafka/suite.ts';
import { realKafka } from '../support/real-kafka.ts';
import { sharedBrokers } from '../support/three-brokers.ts';

let brokers: readonly string[];
beforeAll(async () => {
  brokers = await sharedBrokers();
});

kafkaConformance('Kafka on three brokers', () => realKafka({ brokers, clientId: 'conformance' }));
