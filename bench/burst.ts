import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { SMTPServer } from 'smtp-server';
import { connectKafka } from '../runtime/kafka/connect.ts';
import { fillIdentified } from './growth/events.ts';
import { deploy } from './pipeline/deployment.ts';
import { BIG, writeWorkspace } from './pipeline/workspace.ts';
import { startBenchCluster } from './support/cluster.ts';
import { keep } from './support/results.ts';
import { watch } from './support/window.ts';

/** Many customers enter a segment at once; some of them have an address, and get a mail. */
export interface BurstValues {
  readonly changes: number;
  /** Membership changes, and with each of some a request, a second. */
  readonly changesPerSecond: number;
  /** CPU microseconds per change. */
  readonly cpu: number;
  readonly mails: number;
  readonly mailsPerSecond: number;
  /** From the first event until the last mail was with the mail server, seconds. */
  readonly caughtUp: number;
}

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '1000000' },
    mails: { type: 'string', default: '10000' },
    keep: { type: 'boolean', default: false },
  },
});
const changes = Number(values.changes);
const mails = Number(values.mails);
let delivered = 0;
const smtp = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  onData: (stream, _session, answer) => {
    stream.resume();
    stream.on('end', () => {
      delivered += 1;
      answer();
    });
  },
});
smtp.listen(0, '127.0.0.1');
await once(smtp.server, 'listening');

const cluster = await startBenchCluster({ registry: true });
const kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'burst' });
try {
  const prefix = 'burst.';
  const { port } = smtp.server.address() as AddressInfo;
  const deployment = deploy(cluster, { workspace: await writeWorkspace(cluster.folder, 1), prefix, smtpPort: port });
  // Those with an address are spread over the first events; then everybody's order comes.
  await fillIdentified(cluster, kafka, {
    prefix,
    partitions: deployment.partitions,
    events: mails + changes,
    customers: changes,
    eventOf: (i) =>
      i < mails
        ? { event: 'Identify', traits: { email: `c${i}@example.com`, first_name: 'Ada' } }
        : { event: 'Order Completed', properties: { order_id: `o${i}`, total: BIG } },
  });
  const sink = await deployment.run(['email'], 'sink');
  const began = performance.now();
  const { program } = await deployment.run(['customers'], 'customers');
  const window = await watch([program], mails + changes, cluster.brokerCpu);
  const firstMail = performance.now();
  const already = delivered;
  const allDelivered = (): boolean => delivered >= mails;
  while (!allDelivered()) {
    sink.program.check();
    await sink.program.says('processed');
  }
  const seconds = (performance.now() - firstMail) / 1000;
  const kept: BurstValues = {
    changes,
    changesPerSecond: window.rate,
    cpu: window.cpu,
    mails,
    mailsPerSecond: Math.round((mails - already) / seconds),
    caughtUp: Math.round((performance.now() - began) / 100) / 10,
  };
  console.log(JSON.stringify(kept));
  if (values.keep) keep('burst', 'npm run bench:burst -- --keep', kept);
  await program.stop();
  await sink.program.stop();
} finally {
  await kafka.close();
  await cluster.stop();
  smtp.close();
}
