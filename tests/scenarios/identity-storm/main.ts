import { parseArgs } from 'node:util';
import { startBenchCluster } from '../../../bench/support/cluster.ts';
import { storm } from './storm.ts';

// What `npm run identity:storm` calls: many people under many names, a machine killed among their merges, and a reference beside it.

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { events: text, people: text, seed: text } });
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const cluster = await startBenchCluster({ registry: true });
try {
  const { brokers, registryUrl } = cluster;
  const size = { events: Number(values.events ?? 200_000), people: Number(values.people ?? 50_000) };
  const found = await storm({ brokers, registryUrl, seed, ...size, say });
  const { events, identifiers, customers, merges, rate, milliseconds, members, wrong } = found;
  say(
    `seed ${seed}: ${events} events of ${size.people} people under ${identifiers} names in ${Math.round(milliseconds / 1000)} s, ${rate} a second`,
  );
  say(`${customers} customers, ${merges} merges`);
  for (const [segment, [is, expected]] of Object.entries(members)) say(`${segment}: ${is} members, ${expected} expected`);
  for (const line of wrong.slice(0, 20)) say(`WRONG ${line}`);
  say(wrong.length === 0 ? 'all is as the reference says' : `${wrong.length} things are not as the reference says`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  await cluster.stop();
}
