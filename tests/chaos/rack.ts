import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Instance } from './instance.ts';
import { PARTITIONS } from './settings.ts';

const front = ['tag-freshness', 'stitch-identity', 'watch-sources'];
const back = ['customers', 'detect-fraud'];
const START_MS = 90_000;

export interface RackOptions {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly prefix: string;
  readonly dataDir: string;
  readonly mutation: string | undefined;
  readonly logs: string | undefined;
  readonly say: (line: string) => void;
}

/** The processes of the deployment, two of each kind, each with a disk of its own. */
export class Rack {
  /** Those with processors. */
  readonly workers: readonly Instance[];
  readonly gateways: readonly Instance[];
  readonly #options: RackOptions;

  constructor(options: RackOptions) {
    const { brokers, registryUrl, prefix, dataDir, mutation, logs, say } = options;
    if (logs !== undefined) mkdirSync(logs, { recursive: true });
    this.#options = options;
    const env = {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      FRESHET_PREFIX: prefix,
      FRESHET_PARTITIONS: String(PARTITIONS),
      FRESHET_GATEWAY_PORT: '0',
    };
    const instance = (name: string, parts: readonly string[]): Instance =>
      new Instance({
        name,
        parts,
        env,
        mutation,
        say,
        dataDir: join(dataDir, name),
        logFile: logs === undefined ? undefined : join(logs, `${name}.log`),
      });
    this.workers = ['a', 'b'].flatMap((which) => [instance(`front-${which}`, front), instance(`back-${which}`, back)]);
    this.gateways = ['a', 'b'].map((which) => instance(`gateway-${which}`, ['gateway']));
  }

  /** Addresses of the gateways that are up. */
  get addresses(): readonly string[] {
    return this.gateways.flatMap(({ gateway }) => (gateway === '' ? [] : [gateway]));
  }

  /** Folders with the stores of the workers. */
  get storeRoots(): readonly string[] {
    const { dataDir, prefix } = this.#options;
    return this.workers.map(({ name }) => join(dataDir, name, 'stores', prefix));
  }

  /** How often one of them ended by itself. */
  get ends(): number {
    return this.#all.reduce((sum, { ends }) => sum + ends, 0);
  }

  /** What the workers said last. */
  get tails(): string {
    return this.workers.map(({ name, tail }) => `${name}:\n${tail.slice(-1_500)}`).join('\n');
  }

  get #all(): readonly Instance[] {
    return [...this.workers, ...this.gateways];
  }

  /** Starts all; the first alone, which creates the topics and registers the schemas. */
  async up(): Promise<void> {
    const [first, ...others] = this.#all;
    for (const group of [[first], others]) {
      for (const each of group) each?.start();
      for (const each of group)
        if (each && !(await each.until(() => each.isUp, START_MS))) throw new Error(`${each.name} does not start:\n${each.tail}`);
    }
  }

  /** Asks all to end, the gateways first. */
  async stop(): Promise<void> {
    await Promise.all(this.gateways.map((each) => each.stop()));
    await Promise.all(this.workers.map((each) => each.stop()));
  }

  async kill(): Promise<void> {
    for (const each of this.#all) each.signal('SIGCONT');
    await Promise.all(this.#all.map((each) => each.kill()));
  }
}
