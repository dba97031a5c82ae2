import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { projectRoot } from '../../infra/local/settings.ts';

/** Text files by their path in a workspace. */
export type Files = Readonly<Record<string, string>>;
type Environment = Readonly<Record<string, string>>;

/** A command that has not ended after so many milliseconds hangs, and is killed. */
const COMMAND_MS = 45_000;

/** How a command ended; code null: it was killed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** All processors and connectors, as names for `freshet run`. */
export const everything = [
  'tag-freshness',
  'stitch-identity',
  'customers',
  'detect-fraud',
  'watch-sources',
  'gateway',
  'email',
  'console',
] as const;

/**
 * A workspace with a prefix and a folder of its own on the cluster of the tier, driven from outside: every part of it is a child
 * process of the command line.
 */
export class Deployment {
  readonly prefix = `t${randomUUID().slice(0, 8)}.`;
  readonly workspace: string;
  readonly #folder: string;
  readonly #env: Environment;
  readonly #children = new Set<RunningFreshet>();

  private constructor(folder: string, env: Environment) {
    this.#folder = folder;
    this.workspace = join(folder, 'workspace');
    this.#env = {
      NODE_ENV: 'production',
      FRESHET_PREFIX: this.prefix,
      FRESHET_PARTITIONS: '4',
      FRESHET_GATEWAY_PORT: '0',
      FRESHET_CONSOLE_PORT: '0',
      FRESHET_SMTP_PORT: '0',
      ...env,
    };
  }

  /** `env` is added to what every process of the deployment sees. */
  static async create(files: Files, env: Environment = {}): Promise<Deployment> {
    const folder = await mkdtemp(join(tmpdir(), 'freshet-test-'));
    const deployment = new Deployment(folder, env);
    for (const [path, content] of Object.entries(files)) {
      const file = join(deployment.workspace, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    return deployment;
  }

  /** The folder in which a process keeps its stores and mails; processes that share one are the same machine started again. */
  dataDir(machine: string): string {
    return join(this.#folder, machine);
  }

  /** Runs the command line to its end; the workspace is given to it. */
  async command(args: readonly string[], env: Environment = {}): Promise<Ended> {
    const child = this.#spawn(args, 'commands', env);
    const late = setTimeout(() => child.kill('SIGKILL'), COMMAND_MS);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    clearTimeout(late);
    return { code: child.exitCode, stdout, stderr };
  }

  /** `freshet run` with these names; resolves once all of them are up. */
  run(names: readonly string[], machine = 'one', env: Environment = {}): Promise<RunningFreshet> {
    return this.#up(['run', ...names], machine, env);
  }

  /** The same, without waiting until they are up. */
  begin(names: readonly string[], machine = 'one', env: Environment = {}): RunningFreshet {
    const running = new RunningFreshet(this.#spawn(['run', ...names], machine, env));
    running.up.catch(() => undefined);
    this.#children.add(running);
    return running;
  }

  /** `freshet start` without what is shown in the workspace; resolves once it is up. */
  start(machine = 'one', env: Environment = {}): Promise<RunningFreshet> {
    return this.#up(['start', '--no-demo'], machine, env);
  }

  /** Ends what still runs, and removes the folder. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.kill()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #up(args: readonly string[], machine: string, env: Environment): Promise<RunningFreshet> {
    const running = new RunningFreshet(this.#spawn(args, machine, env));
    this.#children.add(running);
    await running.up;
    return running;
  }

  #spawn(args: readonly string[], machine: string, env: Environment = {}) {
    const [command = '', ...rest] = args;
    const main = join(projectRoot, 'cli', 'main.ts');
    return spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, command, '--workspace', this.workspace, ...rest],
      {
        env: { ...process.env, ...this.#env, FRESHET_DATA_DIR: this.dataDir(machine), ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
  }
}

/** A `freshet run` or `freshet start` as a child process. */
export class RunningFreshet {
  /** Resolves when it says that all its parts are up; rejects with what it said when it ends before. */
  readonly up: Promise<void>;
  gateway = '';
  console = '';
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #said: string[] = [];

  constructor(child: ChildProcess & { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream }) {
    this.#child = child;
    this.#gone = once(child, 'close');
    process.once('exit', () => child.kill('SIGKILL'));
    createInterface({ input: child.stdout }).on('line', (line) => this.#said.push(line));
    this.up = new Promise((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#said.push(line);
        if (this.#hear(line)) resolve();
      });
      void this.#gone.then(() => reject(new Error(`freshet ended:\n${this.#said.join('\n')}`)));
    });
  }

  /** Everything that it has said so far, a line each. */
  get said(): readonly string[] {
    return this.#said;
  }

  /** Asks it to end, and resolves with its exit code when it is gone. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    await this.#gone;
    return this.#child.exitCode;
  }

  /** Ends it at once, without any chance to tidy up; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  /** The JSON at a path of its console. */
  async get<T = unknown>(path: string): Promise<T> {
    const answer = await fetch(`${this.console}${path}`);
    if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** Takes the addresses from what it says; true when it says that it is up. */
  #hear(line: string): boolean {
    const [, what, url = ''] = /^ {2}(live page|gateway) +(http:.*?)\/(?:v1 .*)?$/.exec(line) ?? [];
    if (what === 'live page') this.console = url;
    if (what === 'gateway') this.gateway = url;
    if (!line.startsWith('{')) return what === 'gateway';
    const said = JSON.parse(line) as { readonly message: string; readonly gateway?: string; readonly console?: string };
    if (said.message !== 'running') return false;
    this.gateway = said.gateway ?? '';
    this.console = said.console ?? '';
    return true;
  }
}
