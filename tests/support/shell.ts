import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../infra/local/settings.ts';

/** How a command line ended, with all that it said. */
export interface Outcome {
  /** Null: by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A line, and when it came, epoch milliseconds. */
export interface Said {
  readonly at: number;
  readonly text: string;
}

type Stream = 'stdout' | 'stderr';

/**
 * A command line as somebody types it in the project's folder, run by bash in a process group of its own, with no terminal. Of this
 * process's environment it sees nothing that says how freshet is set up, but `env`.
 */
export class Shell {
  readonly began = Date.now();
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #said: Record<Stream, Said[]> = { stdout: [], stderr: [] };
  readonly #listeners = new Set<() => void>();
  #isOver = false;

  constructor(command: string, env: Readonly<Record<string, string>> = {}) {
    const settings = /^(FRESHET|KAFKA|SCHEMA_REGISTRY)_/;
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.test(name)));
    this.#child = spawn('bash', ['-c', command], {
      cwd: projectRoot,
      env: { ...inherited, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      const input = this.#child[stream];
      if (input) createInterface({ input }).on('line', (text) => this.#hear(stream, text));
    }
    const kill = (): void => this.interrupt('SIGKILL');
    process.once('exit', kill);
    this.#closed = once(this.#child, 'close').then(() => {
      process.off('exit', kill);
      this.#isOver = true;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Everything said so far. */
  said(stream: Stream): readonly Said[] {
    return this.#said[stream];
  }

  /** The first line that matches, said already or still to come; rejects with all that was said when the command ends before. */
  async line(stream: Stream, pattern: RegExp): Promise<Said> {
    const found = (): Said | undefined => this.#said[stream].find(({ text }) => pattern.test(text));
    while (found() === undefined && !this.#isOver) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listeners.add(resolve);
      await promise;
      this.#listeners.delete(resolve);
    }
    const said = found();
    if (said !== undefined) return said;
    throw new Error(`it ended without saying ${String(pattern)}:\n${this.#text('stdout')}\n${this.#text('stderr')}`);
  }

  /** Sends a signal to the whole group, as Ctrl-C on a terminal does. */
  interrupt(signal: NodeJS.Signals = 'SIGINT'): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#isOver) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // All of the group have gone already.
    }
  }

  /** Asks the command alone to end, as a supervisor does that knows nothing of what it has started. */
  terminate(): void {
    if (!this.#isOver) this.#child.kill('SIGTERM');
  }

  /** Resolves when the command is over and nobody holds its output any more. */
  async end(): Promise<Outcome> {
    await this.#closed;
    return { code: this.#child.exitCode, stdout: this.#text('stdout'), stderr: this.#text('stderr') };
  }

  /** Ids of all processes that it has started, directly or not, and that still run. */
  descendants(): readonly number[] {
    const list = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).stdout.trim().split('\n');
    const children = Map.groupBy(
      list.map((row) => row.trim().split(/\s+/).map(Number)),
      ([, parent]) => parent,
    );
    const below = (pid: number): number[] => (children.get(pid) ?? []).flatMap(([child = 0]) => [child, ...below(child)]);
    return below(this.#child.pid ?? -1);
  }

  #hear(stream: Stream, text: string): void {
    this.#said[stream].push({ at: Date.now(), text });
    for (const listener of this.#listeners) listener();
  }

  #text(stream: Stream): string {
    return this.#said[stream].map(({ text }) => text).join('\n');
  }
}

/** Runs a command line to its end. */
export function sh(command: string, env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return new Shell(command, env).end();
}
