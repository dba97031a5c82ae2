import { setTimeout as delay } from 'node:timers/promises';
import express from 'express';
import { type Health, healthRouter, type HealthView } from '../services/health/index.ts';
import type { TaskStatus, Worker } from '../runtime/worker.ts';
import { type Listening, listen } from './http.ts';

/** What of a worker its health is read from. */
export type HealthOfWorker = Pick<Worker, 'membership' | 'refused' | 'silentForMs' | 'status'> & {
  readonly processor: { readonly name: string };
};

export interface HealthParts {
  readonly workers: readonly HealthOfWorker[];
  /** Reject when what they stand for does not answer; by name. */
  readonly probes: Readonly<Record<string, () => Promise<unknown>>>;
}

/** A worker looks after its tasks once a second, or after thirty when the brokers do not answer. */
const SILENT_MS = 120_000;
/** Restarts in a row after which another one of the task will not help. */
const HOPELESS_STALLS = 3;
const PROBE_MS = 3000;

type Problem = Health['problems'][number];

/** The health of a process: of what it says while it starts, then of its workers and what they depend on. */
export class ProcessHealth implements HealthView {
  #parts: HealthParts | undefined;
  #instead: string | undefined = 'starting';

  /** Not ready for this reason, whatever else; undefined: look at the parts. */
  hold(reason: string | undefined): void {
    this.#instead = reason;
  }

  set parts(parts: HealthParts) {
    this.#parts = parts;
    this.#instead = undefined;
  }

  async live(): Promise<Health> {
    const problems: Problem[] = [];
    for (const worker of this.#parts?.workers ?? []) {
      const { name } = worker.processor;
      if (worker.silentForMs > SILENT_MS) problems.push({ what: name, why: 'it does not look after its tasks any more' });
      for (const { partition, stalls } of worker.status()) {
        if (stalls >= HOPELESS_STALLS)
          problems.push({ what: `${name}-${partition}`, why: `restarted ${stalls} times, to no effect` });
      }
    }
    return { problems };
  }

  async ready(): Promise<Health> {
    if (this.#instead !== undefined || !this.#parts) return { problems: [{ what: 'process', why: this.#instead ?? 'starting' }] };
    const { workers, probes } = this.#parts;
    const away = await Promise.all(Object.entries(probes).map(async ([what, probe]) => await askedOf(what, probe)));
    return { problems: [...away.flat(), ...workers.flatMap(problemsOf)] };
  }
}

async function askedOf(what: string, probe: () => Promise<unknown>): Promise<Problem[]> {
  const ended = new AbortController();
  const late = delay(PROBE_MS, undefined, { signal: ended.signal }).then(() => {
    throw new Error(`no answer within ${PROBE_MS / 1000} s`);
  });
  try {
    await Promise.race([probe(), late]);
    return [];
  } catch (error) {
    return [{ what, why: error instanceof Error ? error.message : String(error) }];
  } finally {
    ended.abort();
    late.catch(() => undefined);
  }
}

/** What keeps a worker from being ready. */
export function problemsOf(worker: HealthOfWorker): Problem[] {
  const { name } = worker.processor;
  if (worker.refused) return [{ what: name, why: worker.refused.message }];
  const problems = worker
    .status()
    .filter(({ state }) => state !== 'running')
    .map((task) => ({ what: `${name}-${task.partition}`, why: whyNot(task) }));
  if (worker.membership !== 'member') problems.unshift({ what: name, why: `its membership of the group: ${worker.membership}` });
  return problems;
}

function whyNot({ state, restoring, failure }: TaskStatus): string {
  if (restoring) {
    const left = restoring.secondsLeft === undefined ? '' : `, about ${restoring.secondsLeft} s`;
    return `restoring: ${restoring.records} records, ${restoring.bytes} bytes done, ${restoring.left} left${left}`;
  }
  return failure === undefined ? state : `${state}: ${failure}`;
}

/** Serves the health of this process; other machines may ask when `host` says so, and learn nothing personal. */
export async function serveHealth(view: HealthView, { port, host }: { port: number; host: string }): Promise<Listening> {
  const app = express().disable('x-powered-by').disable('etag').use(healthRouter(view));
  return await listen(app, port, 'FRESHET_HEALTH_PORT', host);
}
