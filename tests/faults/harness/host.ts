import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join, relative } from 'node:path';
import { projectRoot } from '../../../infra/local/settings.ts';
import type { Crash, HostLine, HostSettings } from '../hosts/settings.ts';

const scripts = join(import.meta.dirname, '..', 'hosts');

interface TaskLine {
  readonly task: string;
  readonly state: string;
  readonly lagRecords: number;
  readonly failure?: string;
}

interface Manner {
  readonly crash?: Crash;
  readonly slowWritesMs?: number;
  readonly forcedMs?: number;
  readonly checkout?: string;
}

/** A process of the deployment under test, on a data folder that outlives it. */
export class Host {
  readonly settings: HostSettings;
  readonly lines: HostLine[] = [];
  readonly errors: string[] = [];
  #child: ReturnType<typeof spawn> | undefined;
  #ended: Promise<string> = Promise.resolve('never started');
  readonly #waiting = new Set<() => void>();
  readonly #script: string;

  constructor(settings: HostSettings, script: 'host' | 'gateway' | 'alarms' = 'host') {
    this.settings = settings;
    this.#script = join(scripts, `${script}.ts`);
  }

  get alive(): boolean {
    return this.#child !== undefined;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** Resolves with `code 0` or the name of the signal that ended it. */
  get ended(): Promise<string> {
    return this.#ended;
  }

  /** `checkout`: the folder of another version whose program it is. */
  start({ checkout, ...more }: Manner = {}): void {
    const argument = JSON.stringify({ ...this.settings, ...more });
    const script = checkout === undefined ? this.#script : join(checkout, relative(projectRoot, this.#script));
    const env = { ...process.env, NODE_ENV: 'production' };
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, argument], { env });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
    createInterface({ input: child.stderr }).on('line', (line) => this.errors.push(line));
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (this.#child === child) this.#child = undefined;
        resolve(signal ?? `code ${String(code)}`);
        this.#tell();
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }

  /** Asks it to end in order. */
  async stop(): Promise<string> {
    this.signal('SIGTERM');
    return await this.#ended;
  }

  /** Lines from index `from` that it said, so far. */
  said(event: string, message?: string, from = 0): HostLine[] {
    return this.lines
      .slice(from)
      .filter((line) => line.event === event && (message === undefined || line['message'] === message));
  }

  /** What its tasks said of themselves last. */
  get tasks(): readonly TaskLine[] {
    return (this.lines.findLast(({ event }) => event === 'status')?.['tasks'] ?? []) as readonly TaskLine[];
  }

  /** What it counted of this last, since its start. */
  figure(name: 'transactions' | 'fenced' | 'rssBytes'): number {
    return Number(this.lines.findLast(({ event }) => event === 'status')?.[name] ?? 0);
  }

  /** The longest time that its event loop did not turn, milliseconds, of what it said from line `from` on. */
  stalledMs(from = 0): number {
    return Math.max(0, ...this.said('status', undefined, from).map((line) => Number(line['stalledMs'])));
  }

  /** Resolves when the condition holds, which is looked at after each line; rejects with what it said last. */
  until(condition: () => boolean, patienceMs = 60_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (done: () => void): void => {
        clearTimeout(late);
        this.#waiting.delete(check);
        done();
      };
      const check = (): void => {
        if (condition()) settle(resolve);
      };
      const tail = (): string =>
        [...this.lines.slice(-8).map((line) => JSON.stringify(line)), ...this.errors.slice(-8)].join('\n');
      const late = setTimeout(() => settle(() => reject(new Error(`waited in vain for a host:\n${tail()}`))), patienceMs);
      this.#waiting.add(check);
      check();
    });
  }

  #hear(text: string): void {
    this.lines.push(JSON.parse(text) as HostLine);
    this.#tell();
  }

  #tell(): void {
    for (const check of this.#waiting) check();
  }
}
