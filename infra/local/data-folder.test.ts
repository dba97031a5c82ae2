import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { brokerFolder, prepareDataFolder } from './data-folder.ts';

let dataDir: string;
let formatted: string[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'freshet-data-'));
  formatted = [];
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const marker = (): string => join(dataDir, 'kafka', 'formatted.json');
const metaOf = (id: number): string => join(brokerFolder(dataDir, id).logDir, 'meta.properties');

function prepare(brokers = 1): Promise<void> {
  return prepareDataFolder(dataDir, brokers, (clusterId) => {
    formatted.push(clusterId);
    for (let id = 1; id <= brokers; id += 1) {
      mkdirSync(brokerFolder(dataDir, id).logDir);
      writeFileSync(metaOf(id), '');
    }
    return Promise.resolve();
  });
}

function writeSegment(partition: string, bytes: string): void {
  const folder = join(brokerFolder(dataDir, 1).logDir, partition);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '00000000000000000000.log'), bytes);
}

describe('the data folder of a local cluster', () => {
  it('is formatted once', async () => {
    await prepare(3);
    await prepare(3);
    expect(formatted).toHaveLength(1);
    expect(JSON.parse(readFileSync(marker(), 'utf8'))).toEqual({ clusterId: formatted[0], brokers: 3 });
  });

  it('is formatted afresh when the formatting was cut short', async () => {
    const cut = prepareDataFolder(dataDir, 1, () => Promise.reject(new Error('killed')));
    await expect(cut).rejects.toThrow('killed');
    expect(existsSync(marker())).toBe(false);
    writeSegment('__cluster_metadata-0', 'elected');
    writeSegment('orders-0', '');
    await prepare();
    expect(existsSync(join(brokerFolder(dataDir, 1).logDir, 'orders-0'))).toBe(false);
    expect(existsSync(marker())).toBe(true);
  });

  it('is left alone when it holds records though its formatting was never finished', async () => {
    await prepare();
    writeSegment('orders-0', 'record');
    rmSync(marker());
    await expect(prepare()).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining('npm run reset') });
    expect(existsSync(join(brokerFolder(dataDir, 1).logDir, 'orders-0'))).toBe(true);
  });

  it('is refused when a broker has lost its files, or for another number of brokers', async () => {
    await prepare(3);
    await expect(prepare(1)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    rmSync(metaOf(2));
    await expect(prepare(3)).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining('broker-2') });
    expect(formatted).toHaveLength(1);
  });
});
