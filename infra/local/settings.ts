import { join } from 'node:path';
import { FreshetError } from '../../runtime/errors.ts';

/** The project's root folder. */
export const projectRoot = join(import.meta.dirname, '..', '..');

type Environment = Readonly<Record<string, string | undefined>>;

export interface LocalSettings {
  readonly dataDir: string;
  readonly kafkaPort: number;
  readonly registryPort: number;
}

/** Where the local cluster keeps its data and which ports it takes: FRESHET_DATA_DIR, FRESHET_KAFKA_PORT, FRESHET_REGISTRY_PORT. */
export function localSettings(env: Environment): LocalSettings {
  return {
    dataDir: env['FRESHET_DATA_DIR'] ?? join(projectRoot, 'data'),
    kafkaPort: port(env, 'FRESHET_KAFKA_PORT', 9092),
    registryPort: port(env, 'FRESHET_REGISTRY_PORT', 8081),
  };
}

/** The cluster named by KAFKA_BROKERS (comma-separated) and SCHEMA_REGISTRY_URL; undefined when neither is set. */
export function ownCluster(env: Environment): { readonly brokers: readonly string[]; readonly registryUrl: string } | undefined {
  const { KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl } = env;
  if (!brokers && !registryUrl) return undefined;
  if (!brokers || !registryUrl) {
    const [set, missing] = brokers ? ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL'] : ['SCHEMA_REGISTRY_URL', 'KAFKA_BROKERS'];
    throw new FreshetError('CONFIG_INVALID', `${set} is set but ${missing} is not: a cluster of your own needs both`);
  }
  return { brokers: brokers.split(',').map((broker) => broker.trim()), registryUrl };
}

function port(env: Environment, name: string, fallback: number): number {
  const value = env[name] === undefined || env[name] === '' ? fallback : Number(env[name]);
  if (Number.isInteger(value) && value >= 0 && value < 65_536) return value;
  throw new FreshetError('CONFIG_INVALID', `${name} is ${env[name]}, which is no port: expected a number up to 65535`);
}
