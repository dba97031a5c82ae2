import { readFile } from 'node:fs/promises';
import { startLocalCluster } from '../infra/local/cluster.ts';
import { assertAllFree, type NeededPort } from '../infra/local/ports.ts';
import { connectKafka } from '../runtime/kafka/connect.ts';
import type { Kafka } from '../runtime/kafka/contract.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { Log } from '../runtime/environment.ts';
import { connectRegistry } from '../schemas/registry/confluent.ts';
import type { Registry } from '../schemas/registry/registry.ts';
import type { Settings } from './settings.ts';

export interface Connection {
  readonly kafka: Kafka;
  readonly registry: Registry;
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Closes the connections, and ends the cluster if it was started here. */
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly clientId: string;
  readonly log: Log;
  /** Progress for people. */
  readonly say: (line: string) => void;
  /** Without an own cluster: start one here, or look for the one that `freshet start` runs on this machine. */
  readonly embedded: 'start' | 'find';
  /** That will be listened on; PORT_BUSY before anything is started. */
  readonly ports?: readonly NeededPort[];
  readonly signal?: AbortSignal;
  readonly onDeath?: (error: Error) => void;
}

/** Reaches the cluster of the settings; without one, the embedded cluster on the default ports. */
export async function connect(settings: Settings, options: ConnectOptions): Promise<Connection> {
  const { ports, dataDir } = settings;
  const otherPorts = options.ports ?? [];
  const embedded = options.embedded === 'start' && !settings.cluster;
  if (!embedded) await assertAllFree(otherPorts);
  const started = !embedded
    ? undefined
    : await startLocalCluster({
        dataDir,
        kafkaPort: ports.kafka,
        registryPort: ports.registry,
        otherPorts,
        log: options.say,
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.onDeath ? { onDeath: options.onDeath } : {}),
      });
  const brokers = started?.brokers ?? settings.cluster?.brokers ?? [`localhost:${ports.kafka}`];
  const registryUrl =
    started?.registryUrl ?? settings.cluster?.registryUrl ?? `http://localhost:${ports.registry}/apis/ccompat/v7`;
  try {
    const kafka = await connectKafka({
      brokers,
      clientId: options.clientId,
      log: options.log,
      ...(settings.ssl ? { ssl: await tlsOf(settings) } : {}),
      ...(settings.sasl ? { sasl: settings.sasl } : {}),
      ...(settings.replicationFactor === undefined ? {} : { replicationFactor: settings.replicationFactor }),
    });
    return {
      kafka,
      registry: connectRegistry({ url: registryUrl, ...(settings.registryAuth ? { auth: settings.registryAuth } : {}) }),
      brokers,
      registryUrl,
      close: async () => {
        await kafka.close();
        await started?.stop();
      },
    };
  } catch (error) {
    await started?.stop();
    throw error;
  }
}

/** true: the authorities that Node knows. */
async function tlsOf({ sslFiles }: Settings): Promise<true | Record<string, string>> {
  const files = Object.entries(sslFiles);
  if (files.length === 0) return true;
  const read = async ([name, path]: [string, string]): Promise<[string, string]> => {
    try {
      return [name, await readFile(path, 'utf8')];
    } catch (cause) {
      const variable = `KAFKA_SSL_${name.toUpperCase()}`;
      throw new FreshetError('CONFIG_INVALID', `The file of ${variable} cannot be read: ${path}`, { cause });
    }
  };
  return Object.fromEntries(await Promise.all(files.map(read)));
}
