import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clusterFolder } from '../../infra/jest/abandoned.ts';
import { startLocalCluster, type LocalCluster, type LocalClusterOptions } from '../../infra/local/cluster.ts';

describe('a local cluster', () => {
  let dataDir: string;
  let cluster: LocalCluster | undefined;
  beforeAll(() => {
    dataDir = mkdtempSync(clusterFolder);
  });
  afterAll(async () => {
    await cluster?.stop();
    rmSync(dataDir, { recursive: true });
  });

  const start = (options: Partial<LocalClusterOptions> = {}): Promise<LocalCluster> =>
    startLocalCluster({ dataDir, shortLived: true, kafkaPort: 0, registryPort: 0, log: () => undefined, ...options });
  const schema = JSON.stringify({ type: 'record', name: 'Seen', fields: [{ name: 'at', type: 'long' }] });
  let registered: object;

  it('serves the Confluent API of its registry', async () => {
    cluster = await start();
    registered = await ask(`${cluster.registryUrl}/subjects/seen-value/versions`, { schema });
    expect(registered).toEqual({ id: expect.any(Number) });
  });

  it('refuses a second one on its data, and names the process that holds it', async () => {
    await expect(start()).rejects.toMatchObject({
      code: 'ALREADY_RUNNING',
      message: expect.stringContaining(String(process.pid)),
    });
  });

  it('keeps another one from its port, with a line that says how to choose one', async () => {
    const other = mkdtempSync(clusterFolder);
    const kafkaPort = Number(cluster?.brokers[0]?.split(':')[1]);
    const message = expect.stringMatching(`port ${kafkaPort} .* FRESHET_KAFKA_PORT`);
    await expect(start({ dataDir: other, kafkaPort })).rejects.toMatchObject({ code: 'PORT_BUSY', message });
    rmSync(other, { recursive: true });
  });

  it('leaves nothing running when it has stopped', async () => {
    await cluster?.stop();
    expect(readdirSync(join(dataDir, 'run'))).toEqual([]);
    await expect(fetch(`${cluster?.registryUrl}/subjects`)).rejects.toThrow('fetch failed');
  });

  it('knows the schemas registered before, though started again on other ports', async () => {
    cluster = await start();
    expect(await ask(`${cluster.registryUrl}/subjects/seen-value/versions/1`)).toMatchObject({ ...registered, version: 1 });
  });
});

async function ask(url: string, body?: unknown): Promise<object> {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
  const answer = await fetch(url, body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  const value = await answer.json();
  return Object(value) as object;
}
