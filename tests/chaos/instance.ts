import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { projectRoot } from '../../infra/local/settings.ts';
import { workspaceDir } from './settings.ts';

const main = join(projectRoot, 'cli', 'main.ts');
const mutate = join(import.meta.dirname, 'mutate.ts');
const KEPT_LINES = 60;

export interface InstanceOptions {
  readonly name: string;
  /** Names for `freshet run`. */
  readonly parts: readonly string[];
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly mutation: string | undefined;
  /** Where its log lines are kept; undefined: only the last are, in memory. */
  readonly logFile: string | undefined;
  readonly say: (line: string) => void;
}

/** A process of the deployment, in its place in the rack: started again whenever it ends though nobody asked it to. */
export class Instance {
  readonly name: string;
  readonly parts: readonly string[];
  /** Address of its gateway; empty while it has none. */
  gateway = '';
  /** How often it ended by itself. */
  ends = 0;
  readonly #options: InstanceOptions;
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();
  #child: ChildProcess | undefined;
  #wanted = false;
  #isUp = false;
  #restores = 0;
  #fulls = 0;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.name = options.name;
    this.parts = options.parts;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Tasks that were restored since the last start. */
  get restores(): number {
    return this.#restores;
  }

  /** How often since the last start a task of it had no room on its disk. */
  get fulls(): number {
    return this.#fulls;
  }

  /** What it said last. */
  get tail(): string {
    return this.#lines.join('\n');
  }

  start(): void {
    const { parts, dataDir, env, mutation } = this.#options;
    this.#wanted = true;
    this.#isUp = false;
    this.#restores = 0;
    this.#fulls = 0;
    const hook = mutation === undefined ? [] : ['--import', `${mutate}?${mutation}`];
    const args = ['--disable-warning=ExperimentalWarning', ...hook, main, 'run', '--workspace', workspaceDir, ...parts];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env, NODE_ENV: 'production', FRESHET_DATA_DIR: dataDir },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on('line', (line) => this.#hear(line));
    child.once('exit', (code, signal) => void this.#ended(child, signal ?? `code ${String(code)}`));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it at once; it stays away until `start`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks it to end in order. */
  async stop(): Promise<void> {
    const late = setTimeout(() => {
      this.#options.say(`${this.name} does not end within 30 s, and is killed:\n${this.tail}`);
      this.signal('SIGKILL');
    }, 30_000);
    await this.#end('SIGTERM');
    clearTimeout(late);
  }

  /** From now on no file of it grows: a disk that is full for this process alone. False: it does not run. */
  fillDisk(isFull: boolean): boolean {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false;
    execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${isFull ? '1024' : 'unlimited'}:unlimited`]);
    return true;
  }

  deleteStores(): void {
    rmSync(join(this.#options.dataDir, 'stores'), { recursive: true, force: true });
  }

  /** Resolves true when the condition holds, which is looked at after each line; false when the time is over. */
  until(condition: () => boolean, patienceMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (found: boolean): void => {
        clearTimeout(late);
        this.#waiting.delete(check);
        resolve(found);
      };
      const check = (): void => void (condition() && settle(true));
      const late = setTimeout(() => settle(false), patienceMs);
      this.#waiting.add(check);
      check();
    });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async #ended(child: ChildProcess, how: string): Promise<void> {
    if (this.#child !== child) return;
    this.#isUp = false;
    this.gateway = '';
    if (!this.#wanted) return;
    this.ends += 1;
    this.#options.say(`${this.name} ended by itself (${how}): ${this.#lines.at(-1)?.slice(0, 300) ?? ''}`);
    await delay(1_000);
    if (this.#wanted && this.#child === child) this.start();
  }

  #hear(text: string): void {
    const { logFile } = this.#options;
    if (logFile !== undefined) appendFileSync(logFile, `${new Date().toISOString()} ${text}\n`);
    this.#lines.push(text);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    if (text.startsWith('{')) {
      const line = JSON.parse(text) as { readonly message?: string; readonly gateway?: string; readonly code?: string };
      if (line.message === 'restored') this.#restores += 1;
      if (line.code === 'STORE_FULL') this.#fulls += 1;
      if (line.message === 'running') {
        this.#isUp = true;
        this.gateway = line.gateway ?? '';
      }
    }
    for (const check of this.#waiting) check();
  }
}
