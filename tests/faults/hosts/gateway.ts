import { createHash } from 'node:crypto';
import { createGateway } from '../../../connectors/sources/gateway/index.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { connectKafka } from '../../../runtime/kafka/connect.ts';
import type { HostSettings } from './settings.ts';
import { PARTITIONS, RAW, WRITE_KEY } from './topology.ts';
import { watchVitalSigns } from './vital-signs.ts';

// A gateway in a process of its own, in front of a topic of the deployment.

const settings = JSON.parse(process.argv[2] ?? '{}') as HostSettings;
const say = (line: Readonly<Record<string, unknown>>): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
process.stdin.on('end', () => process.exit(9)).resume();

const kafka = await connectKafka({ brokers: settings.brokers, clientId: 'gateway' }, { waitMs: 60_000 });
const producer = kafka.producer();
const gateway = createGateway({
  sources: [
    {
      name: 'web',
      description: '',
      owner: '',
      input: { kind: 'endpoint', writeKeyHashes: [createHash('sha256').update(WRITE_KEY).digest('hex')] },
      mode: 'live',
      cadence: { kind: 'realtime' },
      liveness: { kind: 'heartbeat' },
      latenessMs: 0,
      events: null,
      transform: null,
      timezone: 'UTC',
    },
  ],
  producer,
  partitions: PARTITIONS,
  topicName: settings.prefix + RAW,
  feed: { begin: () => () => undefined, state: () => undefined, close: async () => undefined },
  clock: systemClock,
  secret: 'secret',
  reject: async () => undefined,
});
const { url } = await gateway.start();
process.once('SIGTERM', () => {
  void (async () => {
    await gateway.stop();
    await producer.close();
    await kafka.close();
    process.exit(0);
  })();
});
say({ event: 'started', url });
const vitalSigns = watchVitalSigns();
setInterval(() => say({ event: 'status', ...vitalSigns() }), 500).unref();
