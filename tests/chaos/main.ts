import { parseArgs } from 'node:util';
import { mutations } from './mutations.ts';
import { runChaos } from './run.ts';
import type { FaultCounts } from './settings.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    minutes: text,
    seed: text,
    events: text,
    kills: text,
    stalls: text,
    rebalances: text,
    'full-disks': text,
    'gateway-kills': text,
    'broker-kills': text,
    'broker-restarts': text,
    'registry-outages': text,
    logs: text,
    mutation: text,
    mutations: { type: 'boolean' },
  },
});
const given = (text: string | undefined, otherwise: number): number => (text === undefined ? otherwise : Number(text));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seed = given(values.seed, Date.now() % 1_000_000);
const minutes = given(values.minutes, 3);
const events = given(values.events, Math.round(minutes * 34_000));
const often = (perMinute: number): number => Math.max(1, Math.round(perMinute * minutes));
const faults: FaultCounts = {
  kills: given(values.kills, often(4)),
  stalls: given(values.stalls, often(1)),
  rebalances: given(values.rebalances, often(0.3)),
  fullDisks: given(values['full-disks'], often(0.3)),
  gatewayKills: given(values['gateway-kills'], often(0.5)),
  brokerKills: given(values['broker-kills'], often(1)),
  brokerRestarts: given(values['broker-restarts'], often(0.5)),
  registryOutages: given(values['registry-outages'], often(0.5)),
};

if (values.mutations) {
  const control = await runChaos({ seed, minutes, events, faults, say });
  const rows = [`${'none'.padEnd(18)} ${control.counts.spotless ? 'spotless ' : 'NOT SPOTLESS'}  ${control.counts.summary()}`];
  if (!control.counts.spotless) process.exitCode = 1;
  for (const name of Object.keys(mutations)) {
    say(`mutation ${name}`);
    const { counts } = await runChaos({ seed, minutes, events, faults, mutation: name, say });
    rows.push(`${name.padEnd(18)} ${counts.spotless ? 'NOT FOUND' : 'found'}  ${counts.summary()}`);
    if (counts.spotless) process.exitCode = 1;
  }
  for (const row of rows) say(row);
} else {
  const mutation = values.mutation === undefined ? {} : { mutation: values.mutation };
  const logs = values.logs === undefined ? {} : { logs: values.logs };
  const { counts, line, caughtUpMs } = await runChaos({ seed, minutes, events, faults, say, ...mutation, ...logs });
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  say(`seed ${seed}; caught up ${(caughtUpMs / 1000).toFixed(1)} s after the last fault; the run itself took ${megabytes} MB`);
  say(line);
  process.exitCode = counts.spotless ? 0 : 1;
}
