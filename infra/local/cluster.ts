import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FreshetError } from '../../runtime/errors.ts';
import { tryLock } from '../lock.mjs';
import { brokerArguments, formatBroker, writeProperties, type BrokerAddress } from './broker.ts';
import { Child, endOrphans } from './child.ts';
import { classArchive } from './class-archive.ts';
import { brokerFolder, prepareDataFolder } from './data-folder.ts';
import { assertAllFree, freePorts, type NeededPort } from './ports.ts';
import { brokersSeenBy, registryAnswers } from './probe.ts';
import { registryArguments, registryEnvironment, registryUrl } from './registry.ts';
import { localTools, type Tools } from './tools.ts';

const host = '127.0.0.1';
/** Longest wait for one program to answer, in milliseconds. */
const START_MS = 120_000;

export interface LocalClusterOptions {
  /** Holds everything: records, logs, lock. Survives restarts; a second cluster on it is refused. */
  readonly dataDir: string;
  /** One by default; three replicate three times with two in sync. */
  readonly brokers?: 1 | 3;
  /** Port of the first broker, the others take the next ones; 0 takes free ones. */
  readonly kafkaPort: number;
  /** Port of the schema registry; 0 takes a free one, 'none' starts none. */
  readonly registryPort: number | 'none';
  /** Of whatever is going to run beside the cluster: better told now than when the cluster is up. */
  readonly otherPorts?: readonly NeededPort[];
  readonly log: (line: string) => void;
  /** Heard when a broker or the registry ends though nobody asked it to. */
  readonly onDeath?: (error: FreshetError) => void;
  /** Ends the start, and all that it had started already, with CLOSED. */
  readonly signal?: AbortSignal;
  /** Compiles quickly rather than well: a third less CPU for brokers that live for some minutes. */
  readonly shortLived?: boolean;
  /** Writes the archives that make later starts quicker, at the price of some seconds when this cluster stops. */
  readonly learnClasses?: boolean;
}

export interface LocalCluster {
  readonly brokers: string[];
  /** Base address of the Confluent API; throws REGISTRY_UNAVAILABLE when the cluster was started without a registry. */
  readonly registryUrl: string;
  /** Ends the registry, then the brokers, and resolves when all are gone; a second call changes nothing. */
  stop(): Promise<void>;
  /** Sends a signal to the broker with that index from 0; after SIGKILL or SIGTERM it is gone when this resolves. */
  kill(brokerIndex: number, signal: NodeJS.Signals): Promise<void>;
  /** Starts the broker again on its data and port, ending it before if it lives; resolves when it answers. */
  restart(brokerIndex: number): Promise<void>;
}

/**
 * Starts a Kafka cluster and a schema registry as child processes and resolves when both answer. Throws ALREADY_RUNNING (with the
 * process's id), PORT_BUSY, MISSING_TOOL, STORE_CORRUPT or BROKER_UNAVAILABLE, each a line for people; nothing is left running then.
 */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const { dataDir, log, signal } = options;
  const lock = tryLock(join(dataDir, 'lock'));
  if (!lock.held) {
    throw new FreshetError('ALREADY_RUNNING', `freshet already runs on ${dataDir} as process ${lock.by}: end that one first`);
  }
  let cluster: ChildCluster | undefined;
  try {
    const tools = await localTools(log, signal);
    const orphans = await endOrphans(dataDir);
    if (orphans > 0) log(`ended ${orphans} programs that an earlier run had left behind`);
    const ports = await choosePorts(options);
    cluster = new ChildCluster(options, tools, ports, lock.release);
    await cluster.start();
    return cluster;
  } catch (cause) {
    await cluster?.stop();
    lock.release();
    throw signal?.aborted === true ? new FreshetError('CLOSED', 'the start of the local cluster was ended', { cause }) : cause;
  }
}

interface Ports {
  readonly brokers: readonly BrokerAddress[];
  readonly registry: number | 'none';
}

async function choosePorts({ brokers = 1, kafkaPort, registryPort, otherPorts = [] }: LocalClusterOptions): Promise<Ports> {
  const free = await freePorts(2 * brokers + 1);
  const take = (): number => free.pop() ?? 0;
  const addresses = Array.from({ length: brokers }, (_, index) => ({
    id: index + 1,
    port: kafkaPort === 0 ? take() : kafkaPort + index,
    controllerPort: take(),
  }));
  const registry = registryPort === 0 ? take() : registryPort;
  await assertAllFree([
    ...addresses.map(({ port }) => ({ port, what: 'Kafka', setting: 'FRESHET_KAFKA_PORT' })),
    ...(registry === 'none' ? [] : [{ port: registry, what: 'the schema registry', setting: 'FRESHET_REGISTRY_PORT' }]),
    ...otherPorts,
  ]);
  return { brokers: addresses, registry };
}

class ChildCluster implements LocalCluster {
  readonly brokers: string[];
  readonly #options: LocalClusterOptions;
  readonly #tools: Tools;
  readonly #ports: Ports;
  readonly #release: () => void;
  readonly #children: Child[] = [];
  #registry: Child | undefined;
  #up = false;
  #stopped: Promise<void> | undefined;

  constructor(options: LocalClusterOptions, tools: Tools, ports: Ports, release: () => void) {
    this.#options = options;
    this.#tools = tools;
    this.#ports = ports;
    this.#release = release;
    this.brokers = ports.brokers.map(({ port }) => `${host}:${port}`);
  }

  get registryUrl(): string {
    if (this.#ports.registry !== 'none') return registryUrl(this.#ports.registry);
    throw new FreshetError('REGISTRY_UNAVAILABLE', 'this local cluster was started without a schema registry');
  }

  async start(): Promise<void> {
    const { dataDir, log } = this.#options;
    const { brokers, registry } = this.#ports;
    log(`starting Kafka${registry === 'none' ? '' : ' and the schema registry'} …`);
    const folders = brokers.map((address) => ({ address, folder: brokerFolder(dataDir, address.id) }));
    const write = (): void => folders.forEach(({ folder, address }) => writeProperties(folder, address, brokers));
    await prepareDataFolder(dataDir, brokers.length, async (clusterId) => {
      write();
      await Promise.all(folders.map(({ folder }) => formatBroker(this.#tools, folder, clusterId)));
    });
    write();
    const began = Date.now();
    const seconds = (): string => ((Date.now() - began) / 1000).toFixed(1);
    brokers.forEach((_, index) => this.#startBroker(index));
    await Promise.all(brokers.map((_, index) => this.#brokerAnswers(index, brokers.length)));
    log(`Kafka is up on ${this.brokers.join(', ')} (${seconds()} s)`);
    if (registry !== 'none') {
      this.#registry = this.#startRegistry(registry);
      await this.#answers(this.#registry, () => registryAnswers(this.registryUrl));
      log(`the schema registry is up on ${this.registryUrl} (${seconds()} s)`);
    }
    this.#up = true;
  }

  stop(): Promise<void> {
    this.#stopped ??= (async () => {
      await this.#registry?.stop();
      await Promise.all(this.#children.map((child) => child.stop()));
      this.#release();
    })();
    return this.#stopped;
  }

  async kill(brokerIndex: number, signal: NodeJS.Signals): Promise<void> {
    const child = this.#broker(brokerIndex);
    child.signal(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await child.ended;
  }

  async restart(brokerIndex: number): Promise<void> {
    await this.#broker(brokerIndex).stop();
    this.#startBroker(brokerIndex);
    await this.#brokerAnswers(brokerIndex, 1);
  }

  #broker(index: number): Child {
    const child = this.#children[index];
    if (child === undefined) throw new RangeError(`there is no broker ${index}`);
    return child;
  }

  #startBroker(index: number): void {
    const id = index + 1;
    const folder = brokerFolder(this.#options.dataDir, id);
    this.#children[index] = this.#launch(`kafka-${id}`, (options) => brokerArguments(this.#tools, folder, options), {}, id === 1);
  }

  #startRegistry(port: number): Child {
    return this.#launch(
      'registry',
      (options) => registryArguments(this.#tools, options),
      registryEnvironment(this.brokers, port),
      true,
    );
  }

  #launch(name: string, args: (options: readonly string[]) => string[], env: Record<string, string>, mayLearn: boolean): Child {
    const { dataDir, learnClasses = false, shortLived = false, onDeath } = this.#options;
    const compiler = shortLived ? ['-XX:TieredStopAtLevel=1'] : [];
    const archive = classArchive(this.#tools, name.replace(/-\d+$/, ''), dataDir, learnClasses && mayLearn);
    return new Child({
      name,
      command: this.#tools.java,
      args: args([...compiler, ...archive.options]),
      env: { ...process.env, ...env },
      dataDir,
      onStopped: archive.keep,
      onDeath: (error) => void (this.#up && onDeath?.(error)),
    });
  }

  #brokerAnswers(index: number, least: number): Promise<void> {
    const { id, port } = this.#ports.brokers[index] ?? { id: 0, port: 0 };
    return this.#answers(this.#broker(index), async () => {
      const seen = await brokersSeenBy(host, port);
      return seen.includes(id) && seen.length >= least;
    });
  }

  async #answers(child: Child, check: () => Promise<boolean>): Promise<void> {
    const until = Date.now() + START_MS;
    while (!(await check())) {
      this.#options.signal?.throwIfAborted();
      if (!child.alive) throw child.failure('ended while starting');
      if (Date.now() > until) throw child.failure(`did not answer within ${START_MS / 1000} s`);
      await delay(100);
    }
  }
}
