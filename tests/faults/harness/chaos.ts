import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster } from '../../../infra/local/cluster.ts';
import type { Deployment } from './deployment.ts';
import { SESSION_TIMEOUT_MS } from './deployment.ts';
import { shuffled } from './random.ts';

export interface ChaosPlan {
  /** Hosts killed and started again. */
  readonly kills: number;
  /** Hosts stopped for longer than the session time-out, then continued. */
  readonly stalls: number;
  /** Brokers killed and started again. */
  readonly brokerKills: number;
  /** Times that all hosts are asked to end and started again, one after the other. */
  readonly rollings: number;
}

/** Does to the deployment what the plan says, in an order that the generator decides. Returns the faults done. */
export async function wreak(
  plan: ChaosPlan,
  deployment: Deployment,
  cluster: LocalCluster,
  random: () => number,
  say: (line: string) => void,
): Promise<number> {
  const { hosts } = deployment;
  const one = (): number => Math.floor(random() * hosts.length);
  let done = 0;
  const kill = async (): Promise<void> => {
    const slot = one();
    say(`kill -9 of host ${slot}`);
    await deployment.host(slot).kill();
    await delay(200);
    deployment.host(slot).start();
    done += 1;
    await delay(2_000 + random() * 2_500);
  };
  const stall = async (): Promise<void> => {
    const slot = one();
    say(`host ${slot} stops for ${SESSION_TIMEOUT_MS + 3_000} ms`);
    deployment.host(slot).signal('SIGSTOP');
    await delay(SESSION_TIMEOUT_MS + 3_000);
    deployment.host(slot).signal('SIGCONT');
    done += 1;
    await delay(3_000);
  };
  const broker = async (): Promise<void> => {
    const index = Math.floor(random() * cluster.brokers.length);
    say(`kill -9 of broker ${index + 1}`);
    await cluster.kill(index, 'SIGKILL');
    await delay(1_000 + random() * 3_000);
    await cluster.restart(index);
    done += 1;
    // Two of three have to be in sync: the next may only fall when this one has caught up.
    await delay(5_000);
  };
  const rolling = async (): Promise<void> => {
    say('all hosts end in order, one after the other');
    for (const host of hosts) {
      await host.stop();
      host.start();
      done += 1;
      await delay(1_500);
    }
  };
  const faults = [
    ...Array.from({ length: plan.kills }, () => kill),
    ...Array.from({ length: plan.stalls }, () => stall),
    ...Array.from({ length: plan.brokerKills }, () => broker),
    ...Array.from({ length: plan.rollings }, () => rolling),
  ];
  for (const fault of shuffled(faults, random)) await fault();
  return done;
}
