import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { brokerArguments, writeProperties } from '../../infra/local/broker.ts';
import { Child } from '../../infra/local/child.ts';
import { brokerFolder } from '../../infra/local/data-folder.ts';
import { freePorts } from '../../infra/local/ports.ts';
import { localTools } from '../../infra/local/tools.ts';

export interface SecureBroker {
  readonly address: string;
  /** Certificate of the authority that vouches for the broker, PEM; and where it lies. */
  readonly ca: string;
  readonly caFile: string;
  stop(): Promise<void>;
}

/** Who may log in, by every mechanism. */
export const user = { username: 'ada', password: 'secret of ada' };

const quoted = (text: string): string => `"${text}"`;

/** One broker that talks TLS and asks for a log-in by SASL plain, scram-sha-256 or scram-sha-512. Resolves before it answers. */
export async function startSecureBroker(): Promise<SecureBroker> {
  const dataDir = mkdtempSync(clusterFolder);
  const tools = await localTools(() => undefined);
  const [port = 0, controllerPort = 0] = await freePorts(2);
  const folder = brokerFolder(dataDir, 1);
  mkdirSync(folder.logDir, { recursive: true });
  const keys = join(dataDir, 'keys.p12');
  const caFile = join(dataDir, 'ca.pem');
  const keytool = join(tools.java, '..', 'keytool');
  const store = ['-keystore', keys, '-storepass', 'changeit', '-alias', 'broker'];
  const made = ['-keyalg', 'EC', '-dname', 'CN=localhost', '-ext', 'SAN=IP:127.0.0.1,DNS:localhost', '-storetype', 'PKCS12'];
  const quietly = { stdio: 'ignore' } as const;
  execFileSync(tools.java === 'java' ? 'keytool' : keytool, ['-genkeypair', ...made, ...store], quietly);
  execFileSync(tools.java === 'java' ? 'keytool' : keytool, ['-exportcert', '-rfc', '-file', caFile, ...store], quietly);

  const own = { id: 1, port, controllerPort };
  writeProperties(folder, own, [own]);
  const jaas = 'org.apache.kafka.common.security';
  const { username, password } = user;
  const login = `username=${quoted('admin')} password=${quoted('admin')} user_admin=${quoted('admin')} user_${username}=${quoted(password)}`;
  const listener = 'listener.name.sasl_ssl';
  // The last of two lines with one name counts.
  const secure = {
    listeners: `SASL_SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `SASL_SSL://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'SASL_SSL',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${listener}.plain.sasl.jaas.config`]: `${jaas}.plain.PlainLoginModule required ${login};`,
    [`${listener}.scram-sha-256.sasl.jaas.config`]: `${jaas}.scram.ScramLoginModule required;`,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: `${jaas}.scram.ScramLoginModule required;`,
    'ssl.keystore.location': keys,
    'ssl.keystore.password': 'changeit',
    'ssl.keystore.type': 'PKCS12',
    'ssl.truststore.location': keys,
    'ssl.truststore.password': 'changeit',
    'ssl.truststore.type': 'PKCS12',
    'ssl.endpoint.identification.algorithm': '',
  };
  const lines = Object.entries(secure).map(([name, value]) => `${name}=${value}\n`);
  appendFileSync(folder.propertiesFile, lines.join(''));
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${username},password=${password}]`,
  ]);
  const format = [
    'kafka.tools.StorageTool',
    'format',
    '--cluster-id=AAAAAAAAAAAAAAAAAAAAAA',
    '-c',
    folder.propertiesFile,
    ...scram,
  ];
  execFileSync(tools.java, ['-cp', tools.kafkaClassPath, ...format], quietly);
  const child = new Child({
    name: 'secure-broker',
    command: tools.java,
    args: brokerArguments(tools, folder, []),
    env: process.env,
    dataDir,
    onDeath: () => undefined,
    onStopped: () => undefined,
  });
  return {
    address: `127.0.0.1:${port}`,
    ca: readFileSync(caFile, 'utf8'),
    caFile,
    stop: async () => {
      await child.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
