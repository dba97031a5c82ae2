import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import { connectKafka } from '../../runtime/kafka/connect.ts';
import type { BenchCluster } from '../support/cluster.ts';
import { latency, type Latency } from '../support/statistics.ts';
import { Arrivals, follow, messageIdOf } from './arrivals.ts';
import { deploy } from './deployment.ts';
import { bigOrder, now, paced, send } from './load.ts';

/** How long events were under way through the whole chain, at one rate. */
export interface ChainRow {
  /** Events a second. */
  readonly rate: number;
  /** From the request that carries the event until its membership could be read. */
  readonly membership: Latency;
  /** The same from the moment the gateway had accepted it. */
  readonly sinceAccepted: Latency;
  /** Until the mail that it causes was with the mail server. */
  readonly mail: Latency;
}

/** Of this many events one belongs to a customer with an address, and is answered by a mail: ten a second at 500 events/s. */
const MAIL_EVERY = 50;
const WARM_SECONDS = 10;

/** Runs the chain in two processes, and sends it orders that each put a customer into a segment and have a message planned. */
export async function startChain(
  cluster: BenchCluster,
  workspace: string,
): Promise<{ at(rate: number, seconds: number): Promise<ChainRow>; cpu(): number; stop(): Promise<void> }> {
  const mails = { heard: (_name: string): void => undefined };
  const smtp = await startSmtp((name) => mails.heard(name));
  const deployment = deploy(cluster, { workspace, prefix: 'chain.', smtpPort: smtp.port });
  const behind = await deployment.run(['customers', 'detect-fraud', 'email'], 'behind');
  const front = await deployment.run(['tag-freshness', 'stitch-identity', 'watch-sources', 'gateway'], 'front');
  const kafka = await connectKafka({ brokers: cluster.brokers, clientId: 'arrivals' });
  let run = 0;
  return {
    cpu: () => front.program.progress.cpu + behind.program.progress.cpu,
    at: async (rate, seconds) => {
      run += 1;
      const [whole, accepted, mailed] = [new Arrivals(), new Arrivals(), new Arrivals()];
      mails.heard = (name) => mailed.arrived(name);
      const end = await follow(kafka, `${deployment.prefix}segments.membership`, deployment.partitions, (record) => {
        const id = messageIdOf(record);
        whole.arrived(id);
        accepted.arrived(id);
      });
      const measured = now() + WARM_SECONDS * 1000;
      let next = 0;
      await paced(rate, WARM_SECONDS + seconds, async (count) => {
        const at = now();
        const calls = Array.from({ length: count }, () => {
          const id = `r${run}e${next++}`;
          whole.sent(id, at);
          if (next % MAIL_EVERY !== 0) return [bigOrder(id, id)];
          mailed.sent(id, at);
          const traits = { email: `${id}@example.com`, first_name: id };
          return [{ type: 'identify', messageId: `i${id}`, userId: id, traits }, bigOrder(id, id)];
        });
        await send(front.gateway, calls.flat());
        const done = now();
        for (const { messageId } of calls.flat()) accepted.sent(messageId, done);
      });
      for (const until = now() + 15_000; whole.missing + mailed.missing > 0 && now() < until;) await delay(20);
      if (whole.missing > 0) throw new Error(`${whole.missing} of ${next} events at ${rate}/s have not arrived`);
      await end();
      return {
        rate,
        membership: latency(whole.since(measured)),
        sinceAccepted: latency(accepted.since(measured)),
        mail: latency(mailed.since(measured)),
      };
    },
    stop: async () => {
      await kafka.close();
      await front.program.stop();
      await behind.program.stop();
      await smtp.close();
    },
  };
}

/** A mail server that takes every mail and tells the first word of its subject, without reading more of it than that. */
async function startSmtp(heard: (name: string) => void): Promise<{ port: number; close(): Promise<void> }> {
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData: (stream, _session, answer) => {
      let text = '';
      stream.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
      stream.on('end', () => {
        heard(/^Subject: ([^\s,]+)/m.exec(text)?.[1] ?? '');
        answer();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
