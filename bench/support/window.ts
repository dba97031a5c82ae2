import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Program } from './program.ts';

/** What was seen of some programs between two points of their work. */
export interface Window {
  /** Records a second, of all programs together. */
  readonly rate: number;
  /** CPU microseconds per record of the programs. */
  readonly cpu: number;
  /** The same of the broker. */
  readonly brokerCpu: number;
  /** Most memory at any time, MiB, of all programs together; NaN where a program does not tell. */
  readonly memory: number;
}

interface Sample {
  readonly at: number;
  readonly processed: number;
  readonly cpu: number;
  readonly broker: number;
}

/** The first part of a run warms up compilers and caches, the last is the tail of whoever has less left to do: neither counts. */
const FROM = 0.2;
const TO = 0.9;

/** Watches programs until they have processed `total` together. Throws when one ends, or nothing moves for half a minute. */
export async function watch(
  programs: readonly Pick<Program, 'name' | 'progress' | 'pid' | 'check'>[],
  total: number,
  brokerCpu: () => number,
): Promise<Window> {
  const samples: Sample[] = [];
  let moved = Date.now();
  for (let last = 0; last < total;) {
    await delay(50);
    for (const program of programs) program.check();
    const processed = programs.reduce((sum, { progress }) => sum + progress.processed, 0);
    const cpu = programs.reduce((sum, { progress }) => sum + progress.cpu, 0);
    if (processed > last) {
      moved = Date.now();
      samples.push({ at: performance.now(), processed, cpu, broker: brokerCpu() });
    }
    if (Date.now() - moved > 30_000) throw new Error(`${programs[0]?.name} stands still at ${processed} of ${total}`);
    last = processed;
  }
  const first = samples.findIndex(({ processed }) => processed >= total * FROM);
  // A short run is measured to its end.
  const until = samples.findIndex(({ processed }, i) => processed >= total * TO && i > first);
  const [from, to] = [samples[until > first ? first : 0], samples[until > first ? until : samples.length - 1]];
  if (!from || !to || to.processed === from.processed) throw new Error('the run was too short to be measured');
  const records = to.processed - from.processed;
  return {
    rate: Math.round((records * 1000) / (to.at - from.at)),
    cpu: (to.cpu - from.cpu) / records,
    brokerCpu: (to.broker - from.broker) / records,
    memory: Math.round(programs.reduce((sum, { pid }) => sum + peakMemory(pid), 0)),
  };
}

/** Largest resident set of a living process, MiB, as Linux tells it. */
function peakMemory(pid: number): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(line?.[1] ?? Number.NaN) / 1024;
  } catch {
    return Number.NaN;
  }
}
