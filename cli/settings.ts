import { resolve } from 'node:path';
import { localSettings, ownCluster } from '../infra/local/settings.ts';
import { FreshetError } from '../runtime/errors.ts';

/** How this deployment is reached and where it keeps its things; read once, from the environment. */
export interface Settings {
  /** Own cluster, or undefined: an embedded one is started. */
  readonly cluster: { readonly brokers: readonly string[]; readonly registryUrl: string } | undefined;
  readonly ssl: boolean;
  /** PEM files: the authority to be trusted beside the well-known ones, and a certificate of one's own with its key. */
  readonly sslFiles: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** For the registry of the own cluster: HTTP basic authentication. */
  readonly registryAuth: { readonly username: string; readonly password: string } | undefined;
  readonly sasl: { readonly mechanism: string; readonly username: string; readonly password: string } | undefined;
  /** Put before every topic, group and transactional id, so that deployments can share a cluster. */
  readonly prefix: string;
  readonly partitions: number;
  readonly replicationFactor: number | undefined;
  /** Folder of local stores, of the embedded cluster and of the development mailbox. */
  readonly dataDir: string;
  readonly ports: {
    readonly kafka: number;
    readonly registry: number;
    readonly gateway: number;
    readonly console: number;
    readonly smtp: number;
    /** 0: a free one, which the log tells. */
    readonly health: number;
  };
  /** Interface on which the gateway listens; the read side has no password and stays on the loopback interface. */
  readonly gatewayHost: string;
  /** Interface of the health endpoints; an orchestrator asks from outside. */
  readonly healthHost: string;
  /** What a process may take to finish after SIGTERM, milliseconds. */
  readonly stopMs: number;
  /** Outgoing mail; undefined: the embedded development mailbox. */
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  /** Public address of the console, for links in mails; undefined: the one it listens on. */
  readonly consoleUrl: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings; CONFIG_INVALID names the variable and what was expected. */
export function readSettings(env: Environment): Settings {
  const local = localSettings(env);
  return {
    cluster: ownCluster(env),
    ssl: env['KAFKA_SSL'] === 'true',
    sslFiles: readSslFiles(env),
    registryAuth: readRegistryAuth(env),
    sasl: readSasl(env),
    prefix: env['FRESHET_PREFIX'] ?? '',
    partitions: number(env, 'FRESHET_PARTITIONS', 4, 1, 256),
    replicationFactor:
      env['FRESHET_REPLICATION_FACTOR'] === undefined ? undefined : number(env, 'FRESHET_REPLICATION_FACTOR', 1, 1, 9),
    dataDir: resolve(local.dataDir),
    ports: {
      kafka: local.kafkaPort,
      registry: local.registryPort,
      gateway: number(env, 'FRESHET_GATEWAY_PORT', 8088, 0, 65_535),
      console: number(env, 'FRESHET_CONSOLE_PORT', 8080, 0, 65_535),
      smtp: number(env, 'FRESHET_SMTP_PORT', 8025, 0, 65_535),
      health: number(env, 'FRESHET_HEALTH_PORT', 0, 0, 65_535),
    },
    gatewayHost: env['FRESHET_GATEWAY_HOST'] ?? '127.0.0.1',
    healthHost: env['FRESHET_HEALTH_HOST'] ?? '127.0.0.1',
    stopMs: 1000 * number(env, 'FRESHET_STOP_SECONDS', 20, 1, 3600),
    smtpUrl: env['FRESHET_SMTP_URL'],
    mailFrom: env['FRESHET_MAIL_FROM'] ?? 'Demo shop <shop@example.com>',
    consoleUrl: env['FRESHET_CONSOLE_URL'],
  };
}

/** The settings as they may be shown: no secrets. */
export function redacted(settings: Settings): Record<string, unknown> {
  return {
    ...settings,
    sasl: settings.sasl ? { ...settings.sasl, password: '…' } : undefined,
    registryAuth: settings.registryAuth ? { ...settings.registryAuth, password: '…' } : undefined,
    smtpUrl: settings.smtpUrl?.replace(/\/\/[^@/]*@/, '//…@'),
  };
}

function readSslFiles(env: Environment): Settings['sslFiles'] {
  const { KAFKA_SSL_CA: ca, KAFKA_SSL_CERT: cert, KAFKA_SSL_KEY: key } = env;
  if (!cert !== !key) throw invalid('KAFKA_SSL_CERT', 'be set together with KAFKA_SSL_KEY');
  if ((ca || cert) && env['KAFKA_SSL'] !== 'true')
    throw invalid('KAFKA_SSL', 'be true when KAFKA_SSL_CA or KAFKA_SSL_CERT is set');
  return { ...(ca ? { ca } : {}), ...(cert && key ? { cert, key } : {}) };
}

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'];

function readSasl(env: Environment): Settings['sasl'] {
  const mechanism = env['KAFKA_SASL_MECHANISM']?.toLowerCase();
  if (mechanism === undefined) return undefined;
  if (!mechanisms.includes(mechanism)) throw invalid('KAFKA_SASL_MECHANISM', `be one of ${mechanisms.join(', ')}`);
  const username = env['KAFKA_SASL_USERNAME'];
  const password = env['KAFKA_SASL_PASSWORD'];
  if (!username || !password)
    throw invalid('KAFKA_SASL_USERNAME', 'be set with KAFKA_SASL_PASSWORD when KAFKA_SASL_MECHANISM is');
  return { mechanism, username, password };
}

function readRegistryAuth(env: Environment): Settings['registryAuth'] {
  const { SCHEMA_REGISTRY_USERNAME: username, SCHEMA_REGISTRY_PASSWORD: password } = env;
  if (!username && !password) return undefined;
  if (!username || !password) throw invalid('SCHEMA_REGISTRY_USERNAME', 'be set together with SCHEMA_REGISTRY_PASSWORD');
  return { username, password };
}

function number(env: Environment, name: string, otherwise: number, least: number, most: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw invalid(name, `be a whole number from ${least} to ${most}`);
  return value;
}

function invalid(name: string, expected: string): FreshetError {
  return new FreshetError('CONFIG_INVALID', `The environment variable ${name} must ${expected}.`);
}
