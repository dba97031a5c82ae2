import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** How far a program is: records processed, and the CPU time of its process in microseconds. */
export interface Progress {
  readonly processed: number;
  readonly cpu: number;
}

/** A line that a program says: its progress, or whatever it wants to tell. */
export type Said = Readonly<Record<string, unknown>>;

/**
 * A program under measurement. It says JSON lines, its progress among them, and ends when its standard input is closed.
 * What it says on its standard error is shown when it ends by itself.
 */
export class Program {
  readonly name: string;
  progress: Progress = { processed: 0, cpu: 0 };
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #heard = new Set<(line: Said) => void>();
  #complaint = '';
  #over = false;

  constructor(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.name = name;
    const child = spawn(command, args, { env: { ...process.env, NODE_ENV: 'production', ...env }, stdio: 'pipe' });
    this.#child = child;
    this.#ended = once(child, 'close');
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('close', () => process.off('exit', end));
    child.stderr.on('data', (bytes: Buffer) => (this.#complaint = (this.#complaint + bytes.toString()).slice(-4000)));
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Hears what the program says; the returned function ends it. */
  listen(heard: (line: Said) => void): () => void {
    this.#heard.add(heard);
    return () => void this.#heard.delete(heard);
  }

  /** Resolves with the next line that has this field; rejects when the program ends before. */
  async says(field: string): Promise<Said> {
    const { promise, resolve } = Promise.withResolvers<Said>();
    const stop = this.listen((line) => field in line && resolve(line));
    const ended = this.#ended.then(() => Promise.reject(new Error(`${this.name} has ended: ${this.#complaint}`)));
    try {
      return await Promise.race([promise, ended]);
    } finally {
      ended.catch(() => undefined);
      stop();
    }
  }

  /** A line to the program. */
  tell(line: Said): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /** Throws when the program has ended though nobody asked it to. */
  check(): void {
    if (!this.alive && !this.#over) throw new Error(`${this.name} has ended: ${this.#complaint}`);
  }

  /** Asks it to end, kills it after twenty seconds, and resolves when it is gone. */
  async stop(): Promise<void> {
    this.#over = true;
    this.#child.stdin?.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
    await this.#ended;
    clearTimeout(late);
  }

  async kill(): Promise<void> {
    this.#over = true;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #hear(line: string): void {
    if (!line.startsWith('{')) return void (this.#complaint = `${this.#complaint}${line}\n`.slice(-4000));
    const said = JSON.parse(line) as Said;
    if (typeof said['processed'] === 'number' && typeof said['cpu'] === 'number') {
      this.progress = { processed: said['processed'], cpu: said['cpu'] };
    }
    for (const heard of this.#heard) heard(said);
  }
}
