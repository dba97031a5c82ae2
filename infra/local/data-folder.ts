import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FreshetError } from '../../runtime/errors.ts';

/** One broker's part of the data folder. */
export interface BrokerFolder {
  readonly id: number;
  readonly logDir: string;
  readonly propertiesFile: string;
}

export function brokerFolder(dataDir: string, id: number): BrokerFolder {
  const kafka = join(dataDir, 'kafka');
  return { id, logDir: join(kafka, `broker-${id}`), propertiesFile: join(kafka, `broker-${id}.properties`) };
}

/**
 * Makes the folder ready for a cluster of that many brokers: a formatted one is left as it is, a new or half-formatted one
 * without records is formatted afresh, last of all the marker is written. Throws STORE_CORRUPT for a half-written folder
 * that holds records and CONFIG_INVALID for another number of brokers; both leave the folder untouched.
 */
export async function prepareDataFolder(
  dataDir: string,
  brokers: number,
  format: (clusterId: string) => Promise<void>,
): Promise<void> {
  const folders = Array.from({ length: brokers }, (_, index) => brokerFolder(dataDir, index + 1));
  const marker = join(dataDir, 'kafka', 'formatted.json');
  if (existsSync(marker)) return check(marker, folders);
  const kafka = dirname(marker);
  if (holdsRecords(kafka)) {
    throw new FreshetError(
      'STORE_CORRUPT',
      `${kafka} holds records but was not written completely: restore it, or clear it with npm run reset`,
    );
  }
  rmSync(kafka, { recursive: true, force: true });
  mkdirSync(kafka, { recursive: true });
  const clusterId = randomBytes(16).toString('base64url');
  await format(clusterId);
  writeFileSync(`${marker}.new`, JSON.stringify({ clusterId, brokers }));
  renameSync(`${marker}.new`, marker);
}

function check(marker: string, folders: readonly BrokerFolder[]): void {
  const { brokers } = JSON.parse(readFileSync(marker, 'utf8')) as { readonly brokers: number };
  if (brokers !== folders.length) {
    const message = `${dirname(marker)} belongs to a cluster of ${brokers} brokers, not ${folders.length}: choose another folder`;
    throw new FreshetError('CONFIG_INVALID', message);
  }
  const lost = folders.find(({ logDir }) => !existsSync(join(logDir, 'meta.properties')));
  if (lost === undefined) return;
  throw new FreshetError('STORE_CORRUPT', `${lost.logDir} has lost its files: restore it, or clear the data with npm run reset`);
}

/** Whether any partition of any broker has a segment with bytes in it; the cluster's own metadata does not count. */
function holdsRecords(kafka: string): boolean {
  const below = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []);
  const partitions = below(kafka)
    .filter((path) => statSync(path).isDirectory())
    .flatMap(below)
    .filter((path) => /-\d+$/.test(path) && !path.endsWith('__cluster_metadata-0') && statSync(path).isDirectory());
  return partitions.flatMap(below).some((path) => path.endsWith('.log') && statSync(path).size > 0);
}
