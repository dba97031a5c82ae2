import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Log } from '../runtime/environment.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { Health, HealthView } from '../services/health/index.ts';
import { serveHealth } from './health.ts';
import type { Settings } from './settings.ts';
import { onShutdown } from './shutdown.ts';

export interface InstancesOptions {
  readonly names: readonly string[];
  readonly settings: Settings;
  readonly instances: number;
  readonly log: Log;
}

/** What an instance tells whoever started it. */
export interface InstanceNews {
  readonly running: boolean;
  readonly healthPort: number;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** Who has lived this long begins with a short pause again. */
const LIVED_MS = 60_000;
/** An instance that ends so often without ever having been up will not come up. */
const HOPELESS = 5;
/** Beyond the deadline that each instance keeps by itself. */
const GRACE_MS = 5000;

/**
 * Runs `instances` processes of this very program, each with stores and a health port of its own; forwards what they say,
 * restarts one that dies, hands a signal on to all and waits for them. Its health is that of all of them.
 */
export async function runInstances({ names, settings, instances, log }: InstancesOptions): Promise<void> {
  refuseWhatListens(names, settings);
  const children = Array.from({ length: instances }, (_, i) => new Instance(i + 1, settings, log));
  const probes = await serveHealth(healthOf(children), { port: settings.ports.health, host: settings.healthHost });
  log('info', 'health', { port: probes.port });
  const stop = async (): Promise<void> => {
    const codes = await Promise.all(children.map((child) => child.stop()));
    if (codes.some((code) => code !== 0)) process.exitCode = 1;
  };
  const ended = onShutdown({
    stop,
    say: (line) => log('info', line),
    deadlineMs: settings.stopMs + GRACE_MS,
    unfinished: () => children.filter((child) => child.isUp).map(({ number }) => `instance ${number}`),
    exit: (code) => {
      for (const child of children) child.kill();
      process.exit(code);
    },
  });
  try {
    // One that never comes up ends all of them; the others would only hide what is wrong.
    await Promise.all([ended, ...children.map((child) => child.run())]);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    await probes.close();
  }
}

/** What an instance tells its parent, if it has one; whose end is its own. */
export function tellParent(news: InstanceNews): void {
  process.send?.(news);
}

/** An instance ends when its parent is gone, however that came about. */
export function followParent(): void {
  if (!process.send) return;
  process.stderr.on('error', () => undefined);
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref();
}

function refuseWhatListens(names: readonly string[], { smtpUrl }: Settings): void {
  const listening: Readonly<Record<string, string>> = {
    gateway: 'it listens on FRESHET_GATEWAY_PORT',
    console: 'it listens on FRESHET_CONSOLE_PORT',
    ...(smtpUrl === undefined ? { email: 'its development mailbox listens on FRESHET_SMTP_PORT; set FRESHET_SMTP_URL' } : {}),
  };
  for (const name of names) {
    const why = listening[name];
    if (why !== undefined)
      throw new FreshetError('CONFIG_INVALID', `${name} cannot run in several instances at once: ${why}. Run it apart.`);
  }
}

/** Of all instances: none may be missing. */
function healthOf(children: readonly Instance[]): HealthView {
  const all = async (path: string): Promise<Health> => {
    const found = await Promise.all(children.map(async (child) => await child.health(path)));
    return { problems: found.flat(), more: { instances: children.length } };
  };
  // An instance that is down is started again: no reason to end all of them.
  return { live: async () => ({ problems: [] }), ready: () => all('/health/ready') };
}

/** One child process after the other, under one number. */
class Instance {
  readonly number: number;
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #gone: Promise<number> = Promise.resolve(0);
  #news: InstanceNews | undefined;

  constructor(number: number, settings: Settings, log: Log) {
    this.number = number;
    this.#settings = settings;
    this.#log = log;
  }

  get isUp(): boolean {
    return this.#child !== undefined;
  }

  /** Keeps it alive until `stop`; rejects when it does not come up. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    let pause = FIRST_PAUSE_MS;
    for (let failures = 0; !signal.aborted;) {
      const began = performance.now();
      this.#start();
      const code = await this.#gone;
      if (signal.aborted) return;
      if (performance.now() - began > LIVED_MS) pause = FIRST_PAUSE_MS;
      failures = this.#news ? 0 : failures + 1;
      this.#news = undefined;
      if (failures === HOPELESS)
        throw new FreshetError(
          'CLOSED',
          `instance ${this.number} ended ${HOPELESS} times before it was up; what it said is above`,
        );
      this.#log('error', 'instance has died and is restarted', { instance: this.number, code, afterMs: pause });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
      });
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Asks it to end and answers with its exit code. */
  async stop(): Promise<number> {
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    return await this.#gone;
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** What its own endpoint says is the matter. */
  async health(path: string): Promise<Health['problems']> {
    const what = `instance ${this.number}`;
    const down = (why: string): Health['problems'] => [{ what, why }];
    if (!this.#news) return down(this.#child ? 'starting' : 'down');
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#news.healthPort}${path}`, { signal: AbortSignal.timeout(5000) });
      const { problems } = (await answer.json()) as Health;
      return problems.map((problem) => ({ what: `${what}, ${problem.what}`, why: problem.why }));
    } catch (error) {
      return down(error instanceof Error ? error.message : String(error));
    }
  }

  #start(): void {
    const args = process.argv.slice(1).filter((arg, i, all) => !/^--instances(=|$)/.test(arg) && all[i - 1] !== '--instances');
    const child = spawn(process.execPath, [...process.execArgv, ...args], {
      env: {
        ...process.env,
        // A store belongs to one process: each has a folder that is always the same, so that it finds its own again.
        FRESHET_DATA_DIR: join(this.#settings.dataDir, 'instances', String(this.number)),
        FRESHET_HEALTH_PORT: '0',
        FRESHET_HEALTH_HOST: '127.0.0.1',
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    child.on('message', (news) => void (this.#news = news as InstanceNews));
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => process.stderr.write(`${this.#marked(line)}\n`));
    }
    this.#log('info', 'instance starts', { instance: this.number, pid: child.pid });
    this.#gone = new Promise((resolve) => {
      child.once('error', () => resolve(1));
      child.once('close', (code) => {
        this.#child = undefined;
        resolve(code ?? 1);
      });
    });
  }

  /** A line of its log, with its number. */
  #marked(line: string): string {
    return line.startsWith('{') ? `{"instance":${this.number},${line.slice(1)}` : `[${this.number}] ${line}`;
  }
}
