import { join } from 'node:path';

/** What the chaos workspace says, for those who compute from it without its code. */
export const SECRET = 'only-for-chaos';
export const WRITE_KEY = 'chaos-web-key';
export const LATENESS_MS = 3_000;
export const PARTITIONS = 4;
/** After its last event nothing changes by time any more when so much has passed, milliseconds. */
export const LAST_CHANGE_MS = 10_000;
export const workspaceDir = join(import.meta.dirname, 'workspace');

/** Activations by the segment whose entering causes them. */
export const activationOf: Readonly<Record<string, string>> = {
  'left-cart': 'left-cart-note',
  'big-order': 'big-order-note',
  spender: 'spender-note',
};

/** Stateful and stateless processors of the deployment, each with a changelog. */
export const processorNames = ['tag-freshness', 'stitch-identity', 'customers', 'detect-fraud'] as const;

/** What a run is asked for. */
export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly events: number;
  readonly faults: FaultCounts;
  /** Name of a mutation under which the processes run. */
  readonly mutation?: string;
  /** Folder for the logs of the processes; without one they are not kept. */
  readonly logs?: string;
  readonly say: (line: string) => void;
}

/** How many of each fault. */
export interface FaultCounts {
  /** kill -9 of a process with processors; of some the store is deleted, some are killed again while they restore. */
  readonly kills: number;
  /** SIGSTOP for longer than the session time-out, then SIGCONT. */
  readonly stalls: number;
  /** Stores deleted, and another process goes and comes back while they are restored. */
  readonly rebalances: number;
  /** No file of a process may grow for some seconds. */
  readonly fullDisks: number;
  readonly gatewayKills: number;
  readonly brokerKills: number;
  readonly brokerRestarts: number;
  readonly registryOutages: number;
}
