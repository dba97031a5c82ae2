import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectRegistry } from '../../schemas/registry/confluent.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { registrySuite } from '../conformance/registry/suite.ts';

const url = process.env['SCHEMA_REGISTRY_URL'] ?? '';

registrySuite('with Confluent’s API', async () => ({
  registry: connectRegistry({ url }),
  away: connectRegistry({ url: 'http://127.0.0.1:1' }),
}));

describe('a JSON Schema of a foreign producer', () => {
  it('is given back by its id, and with nothing in it where it refers to others', async () => {
    const register = async (subject: string, body: object): Promise<number> => {
      const response = await fetch(`${url}/subjects/${subject}/versions`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        body: JSON.stringify({ schemaType: 'JSON', ...body }),
      });
      const answer = (await response.json()) as { readonly id: number };
      expect([response.status, answer]).toEqual([200, { id: expect.any(Number) }]);
      return answer.id;
    };
    const name = `conformance.${randomUUID()}`;
    const $schema = 'http://json-schema.org/draft-07/schema#';
    const schema = JSON.stringify({ $schema, type: 'object', title: name, required: ['id'] });
    const id = await register(name, { schema });
    const registry = connectRegistry({ url });
    const found = await registry.schema(id);
    expect({ ...found, schema: JSON.parse(found?.schema ?? '') as unknown }).toEqual({
      kind: 'json',
      schema: JSON.parse(schema) as unknown,
    });
    const reference = { name: 'other.json', subject: name, version: 1 };
    const referring = JSON.stringify({ $schema, title: `${name}-2`, properties: { other: { $ref: 'other.json' } } });
    const other = await register(`${name}-2`, { schema: referring, references: [reference] });
    expect(await registry.schema(other)).toEqual({ kind: 'json', schema: '' });
  });
});

describe('a registry that does not answer as one', () => {
  const schema = JSON.stringify({ type: 'record', name: 'A', namespace: 'conformance', fields: [] });

  async function during(answer: Parameters<typeof createServer>[1], use: (url: string) => Promise<void>): Promise<void> {
    const server: Server = createServer(answer as never).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('is away when something before it answers 404 to everything', async () => {
    await during(
      (_, response) => void response.writeHead(404).end('<html>no such page</html>'),
      async (proxy) => {
        const registry = connectRegistry({ url: proxy });
        await expect(registry.schema(1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retryable: true });
        await expect(registry.register('a-value', schema)).rejects.toMatchObject({
          code: 'REGISTRY_UNAVAILABLE',
          retryable: true,
        });
      },
    );
  });

  it('is away when it says nothing within the time-out', async () => {
    await during(
      () => undefined,
      async (silent) => {
        const registry = connectRegistry({ url: silent, timeoutMs: 200 });
        await expect(registry.schema(1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retryable: true });
        await expect(registry.register('a-value', schema)).rejects.toMatchObject({
          code: 'REGISTRY_UNAVAILABLE',
          retryable: true,
        });
      },
    );
  });

  it('is not worth another try when it refuses the log-in', async () => {
    await during(
      (_, response) => void response.writeHead(401).end('{"error_code":401,"message":"no"}'),
      async (closed) => {
        const registry = connectRegistry({ url: closed, auth: { username: 'a', password: 'b' } });
        await expect(registry.schema(1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retryable: false });
      },
    );
  });
});

describe('the subjects of freshet', () => {
  it('are all registered, and again by the next start', async () => {
    const prefix = `t${randomUUID().slice(0, 8)}.`;
    await createSerdes({ registry: connectRegistry({ url }), prefix }).register();
    await createSerdes({ registry: connectRegistry({ url }), prefix }).register();
    const response = await fetch(`${url}/config/${prefix}events.tagged-value`);
    expect(await response.json()).toEqual({ compatibilityLevel: 'BACKWARD' });
  });

  it('are held to BACKWARD even if a start was cut off between the schema and its level', async () => {
    const subject = `t${randomUUID().slice(0, 8)}-value`;
    const body = JSON.stringify({
      schema: JSON.stringify({ type: 'record', name: 'Cut', namespace: 'conformance', fields: [] }),
    });
    await fetch(`${url}/subjects/${subject}/versions`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    const registry = connectRegistry({ url });
    await registry.register(
      subject,
      JSON.stringify({ type: 'record', name: 'Cut', namespace: 'conformance', fields: [{ name: 'a', type: 'int', default: 1 }] }),
    );
    await expect(
      registry.register(
        subject,
        JSON.stringify({ type: 'record', name: 'Cut', namespace: 'conformance', fields: [{ name: 'b', type: 'int' }] }),
      ),
    ).rejects.toMatchObject({ code: 'TOPIC_MISMATCH' });
  });
});
