import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster } from '../../infra/local/cluster.ts';
import { randomOf, shuffled } from '../faults/harness/random.ts';
import type { Instance } from './instance.ts';
import type { RegistryGate } from './registry-gate.ts';
import type { FaultCounts } from './settings.ts';

/** The session time-out of group members, milliseconds. */
const SESSION_MS = 10_000;
/** Two of three brokers have to be in sync: the next may only fall when this one has caught up. */
const BROKER_REST_MS = 6_000;

type Kind =
  | 'kill'
  | 'kill-and-delete'
  | 'kill-in-restore'
  | 'rebalance-in-restore'
  | 'full-disk'
  | 'stall'
  | 'gateway-kill'
  | 'broker-kill'
  | 'broker-restart'
  | 'registry';

/** A fault as the seed draws it: `at` of the window of its lane, and three numbers in [0, 1) that decide the rest. */
interface Fault {
  readonly kind: Kind;
  readonly at: number;
  readonly which: number;
  readonly long: number;
}

export interface Victims {
  /** Processes with processors. */
  readonly workers: readonly Instance[];
  readonly gateways: readonly Instance[];
  readonly cluster: LocalCluster;
  readonly registry: RegistryGate;
}

const repeat = (kind: Kind, count: number): Kind[] => Array.from({ length: count }, () => kind);

/** The faults of a seed, in two lanes that go on beside each other: processes, and what they stand on. */
export function drawFaults(seed: number, counts: FaultCounts): readonly (readonly Fault[])[] {
  const random = randomOf(seed ^ 0x5eed);
  const deleted = Math.floor(counts.kills / 4);
  const twice = Math.floor(counts.kills / 6);
  const processes: Kind[] = [
    ...repeat('kill', counts.kills - deleted - twice),
    ...repeat('kill-and-delete', deleted),
    ...repeat('kill-in-restore', twice),
    ...repeat('stall', counts.stalls),
    ...repeat('rebalance-in-restore', counts.rebalances),
    ...repeat('full-disk', counts.fullDisks),
  ];
  const ground: Kind[] = [
    ...repeat('broker-kill', counts.brokerKills),
    ...repeat('broker-restart', counts.brokerRestarts),
    ...repeat('registry', counts.registryOutages),
    ...repeat('gateway-kill', counts.gatewayKills),
  ];
  return [processes, ground].map((kinds) => {
    const faults = shuffled(kinds, random).map((kind, index): Fault => {
      const at = (index + 0.2 + 0.6 * random()) / kinds.length;
      // The clocks wait half a minute for a gateway that died: not in the end, where nothing else is waited for.
      return { kind, at: kind === 'gateway-kill' ? at * 0.7 : at, which: random(), long: random() };
    });
    return faults.sort((a, b) => a.at - b.at);
  });
}

/** Does the faults within `windowMs`, each at its time or as soon as the one before it in its lane is over. Resolves with their number. */
export async function wreak(
  lanes: readonly (readonly Fault[])[],
  windowMs: number,
  victims: Victims,
  say: (line: string) => void,
  done: (fault: string) => void,
): Promise<number> {
  const began = Date.now();
  const lane = async (faults: readonly Fault[]): Promise<void> => {
    for (const fault of faults) {
      await delay(Math.max(0, began + fault.at * windowMs - Date.now()));
      done(await inflict(fault, victims, say));
    }
  };
  await Promise.all(lanes.map(lane));
  return lanes.flat().length;
}

async function inflict({ kind, which, long }: Fault, victims: Victims, say: (line: string) => void): Promise<string> {
  const { workers, gateways, cluster, registry } = victims;
  const one = <T>(from: readonly T[]): T => from[Math.floor(which * from.length)] as T;
  const broker = Math.floor(which * cluster.brokers.length);
  switch (kind) {
    case 'kill':
    case 'kill-and-delete':
    case 'gateway-kill': {
      const victim = one(kind === 'gateway-kill' ? gateways : workers);
      const awayMs = Math.round(200 + long * 2_000);
      say(`kill -9 of ${victim.name}${kind === 'kill-and-delete' ? ', its stores are deleted' : ''}, back after ${awayMs} ms`);
      await victim.kill();
      if (kind === 'kill-and-delete') victim.deleteStores();
      await delay(awayMs);
      victim.start();
      return `${kind} of ${victim.name}`;
    }
    case 'kill-in-restore': {
      const victim = one(workers);
      say(`kill -9 of ${victim.name}, its stores are deleted, and again while it restores`);
      await victim.kill();
      victim.deleteStores();
      victim.start();
      const restoring = await victim.until(() => victim.restores > 0, SESSION_MS + 8_000);
      say(
        `kill -9 of ${victim.name} ${restoring ? 'when the first of its tasks was restored' : 'before any of its tasks was restored'}`,
      );
      await victim.kill();
      victim.start();
      return `${kind} of ${victim.name}`;
    }
    case 'rebalance-in-restore': {
      const victim = one(workers);
      const twin = workers.find(({ name, parts }) => name !== victim.name && parts === victim.parts) ?? victim;
      say(`kill -9 of ${victim.name}, its stores are deleted; ${twin.name} goes while it restores, and comes back`);
      await victim.kill();
      victim.deleteStores();
      victim.start();
      await victim.until(() => victim.restores > 0, SESSION_MS + 8_000);
      await twin.stop();
      await delay(Math.round(long * 2_000));
      twin.start();
      return `${kind} of ${victim.name}`;
    }
    case 'full-disk': {
      const victim = one(workers);
      const before = victim.fulls;
      if (!victim.fillDisk(true)) return `${kind} of ${victim.name}, which did not run`;
      const noticed = await victim.until(() => victim.fulls > before, 10_000);
      say(`the disk of ${victim.name} is full${noticed ? '' : ', but nothing was to be written'}`);
      await delay(Math.round(1_000 + long * 4_000));
      victim.fillDisk(false);
      say(`the disk of ${victim.name} has room again`);
      return `${kind} of ${victim.name}`;
    }
    case 'stall': {
      const victim = one(workers);
      const stillMs = Math.round(SESSION_MS + 2_000 + long * 2_000);
      say(`SIGSTOP of ${victim.name} for ${stillMs} ms`);
      victim.signal('SIGSTOP');
      await delay(stillMs);
      say(`SIGCONT of ${victim.name}`);
      victim.signal('SIGCONT');
      return `${kind} of ${victim.name}`;
    }
    case 'broker-kill': {
      const awayMs = Math.round(1_000 + long * 4_000);
      say(`kill -9 of broker ${broker + 1}, back after ${awayMs} ms`);
      await cluster.kill(broker, 'SIGKILL');
      await delay(awayMs);
      await cluster.restart(broker);
      await delay(BROKER_REST_MS);
      return `${kind} of broker ${broker + 1}`;
    }
    case 'broker-restart': {
      say(`restart of broker ${broker + 1} in order`);
      await cluster.restart(broker);
      await delay(BROKER_REST_MS);
      return `${kind} of broker ${broker + 1}`;
    }
    case 'registry': {
      const awayMs = Math.round(3_000 + long * 7_000);
      say(`the registry is down for ${awayMs} ms`);
      registry.shut();
      await delay(awayMs);
      registry.open();
      return kind;
    }
    default:
      return kind satisfies never;
  }
}
