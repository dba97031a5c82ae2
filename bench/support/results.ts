import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../infra/local/settings.ts';

const folder = join(projectRoot, 'bench', 'results');

/** Where and when something was measured. */
export interface Circumstances {
  readonly date: string;
  readonly command: string;
  readonly machine: string;
  readonly node: string;
  readonly java: string;
  readonly kafka: string;
}

export interface Results<T> {
  readonly circumstances: Circumstances;
  readonly values: T;
}

/**
 * Keeps what a bench has measured as <name>.json, by default in bench/results: what README.md is written from, and what later
 * runs are compared with.
 */
export function keep<T>(name: string, command: string, values: T, into = folder): void {
  const [cpu] = cpus();
  const circumstances: Circumstances = {
    date: new Date().toISOString().slice(0, 10),
    command,
    machine: `${cpus().length} cores of ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    java: javaVersion(),
    kafka: '4.1.0',
  };
  mkdirSync(into, { recursive: true });
  const file = join(into, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ circumstances, values } satisfies Results<T>, null, 2)}\n`);
}

/** What was kept last, undefined when nothing was. */
export function kept<T>(name: string, from = folder): Results<T> | undefined {
  try {
    return JSON.parse(readFileSync(join(from, `${name}.json`), 'utf8')) as Results<T>;
  } catch {
    return undefined;
  }
}

function javaVersion(): string {
  try {
    return execFileSync('java', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  } catch {
    return '';
  }
}
