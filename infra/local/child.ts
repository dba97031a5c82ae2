import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FreshetError } from '../../runtime/errors.ts';
import { processIdentity, readHolder } from '../lock.mjs';

/** How long a child may take to end by itself, in milliseconds, before it is killed. */
const PATIENCE_MS = 20_000;

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly dataDir: string;
  /** Heard once when the child ends though nobody asked it to. */
  readonly onDeath: (error: FreshetError) => void;
  /** Called when the child has ended by itself after it was asked to. */
  readonly onStopped: () => void;
}

/**
 * A program that runs beside us in a session of its own, so that Ctrl-C on the terminal does not reach it: we end it, in
 * our order. Its output goes to logs/<name>.log of the data folder; run/<name>.json lets a later start find it should we be killed.
 */
export class Child {
  readonly name: string;
  readonly #spec: ChildSpec;
  readonly #process;
  readonly #ended: Promise<void>;
  readonly #onParentExit = (): void => void this.#process.kill('SIGTERM');
  #asked = false;
  #alive = true;

  constructor(spec: ChildSpec) {
    this.name = spec.name;
    this.#spec = spec;
    mkdirSync(join(spec.dataDir, 'run'), { recursive: true });
    const log = openLog(this.#logFile);
    this.#process = spawn(spec.command, spec.args, { detached: true, stdio: ['ignore', log, log], env: spec.env });
    closeSync(log);
    const { pid } = this.#process;
    if (pid !== undefined) writeFileSync(this.#pidFile, JSON.stringify({ pid, identity: processIdentity(pid) }));
    process.on('exit', this.#onParentExit);
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#alive = false;
        process.off('exit', this.#onParentExit);
        rmSync(this.#pidFile, { force: true });
        if (!this.#asked) this.#spec.onDeath(this.failure(how));
        resolve();
      };
      this.#process.once('exit', (code, signal) => end(`ended with ${signal ?? `code ${code}`}`));
      this.#process.once('error', (error) => end(error.message));
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Sends the signal; an end by it counts as asked for. */
  signal(signal: NodeJS.Signals): void {
    this.#asked ||= !['SIGSTOP', 'SIGCONT'].includes(signal);
    this.#process.kill(signal);
  }

  /** Resolves when the child has ended. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Asks the child to end, kills it when it has not within 20 s, and resolves when it is gone. */
  async stop(): Promise<void> {
    if (!this.#alive) return;
    this.signal('SIGTERM');
    this.signal('SIGCONT');
    const late = setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS);
    await this.#ended;
    clearTimeout(late);
    if (this.#process.signalCode !== 'SIGKILL') this.#spec.onStopped();
  }

  /** An error that says what happened, with the last complaint of the child's own log and where the rest of it is. */
  failure(what: string): FreshetError {
    const lines = existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8').trimEnd().split('\n') : [];
    const said = lines.findLast((line) => /ERROR|FATAL|Exception/.test(line)) ?? lines.at(-1) ?? '';
    return new FreshetError('BROKER_UNAVAILABLE', `${this.name} ${what}: ${said.slice(0, 300)} (see ${this.#logFile})`);
  }

  get #logFile(): string {
    return join(this.#spec.dataDir, 'logs', `${this.name}.log`);
  }

  get #pidFile(): string {
    return join(this.#spec.dataDir, 'run', `${this.name}.json`);
  }
}

/** Ends the children that a killed parent left behind on this data folder, all at once. Returns how many there were. */
export async function endOrphans(dataDir: string): Promise<number> {
  const folder = join(dataDir, 'run');
  mkdirSync(folder, { recursive: true });
  const orphans = readdirSync(folder).flatMap((file) => readHolder(join(folder, file)) ?? []);
  const living = (): typeof orphans => orphans.filter(({ pid, identity }) => processIdentity(pid) === identity);
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (const { pid } of living()) process.kill(pid, signal);
    for (const until = Date.now() + PATIENCE_MS; living().length > 0 && Date.now() < until;) await delay(50);
  }
  rmSync(folder, { recursive: true });
  return orphans.length;
}

/** A fresh log; the one before it is kept beside it. */
function openLog(path: string): number {
  mkdirSync(join(path, '..'), { recursive: true });
  try {
    renameSync(path, `${path}.previous`);
  } catch {
    // There was none yet.
  }
  return openSync(path, 'w');
}
