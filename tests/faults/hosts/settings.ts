import type { CrashPoint } from '../../../runtime/task.ts';

/** Where a host ends, or stops, by itself. */
export interface Crash {
  /** `sum-numbers-2` */
  readonly task: string;
  readonly at: CrashPoint | 'before-position' | 'before-commit' | 'in-write';
  /** How often the task passes there first. */
  readonly after: number;
  /** SIGKILL when left out. */
  readonly signal?: NodeJS.Signals;
}

/** The one argument of a host, as JSON. */
export interface HostSettings {
  readonly brokers: readonly string[];
  readonly prefix: string;
  readonly dataDir: string;
  readonly sessionTimeoutMs: number;
  readonly crash?: Crash;
  /** A disk that takes so long for a thousand changes, milliseconds. */
  readonly slowWritesMs?: number;
  /** Takes all tasks for its own for so long, whatever the group says, milliseconds. */
  readonly forcedMs?: number;
}

/** A line that a host says on its standard output. */
export type HostLine = Readonly<Record<string, unknown>> & { readonly event: string };
