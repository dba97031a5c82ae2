import { beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Registry } from '../../../schemas/registry/registry.ts';

export interface RegistryUnderTest {
  readonly registry: Registry;
  /** The same kind of registry, but it does not answer. */
  readonly away: Registry;
}

/** What every `Registry` must do. Subjects and records have names of their own, so that a registry in use can be tested. */
export function registrySuite(name: string, make: () => Promise<RegistryUnderTest>): void {
  describe(`the registry ${name}`, () => {
    let under: RegistryUnderTest;
    beforeAll(async () => {
      under = await make();
    });

    const fresh = () => {
      const id = randomUUID().replaceAll('-', '');
      return { subject: `conformance.${id}-value`, record: `R${id}` };
    };
    const schema = (record: string, ...fields: readonly object[]) =>
      JSON.stringify({ type: 'record', name: record, namespace: 'conformance', doc: 'A record.', fields });
    const text = { name: 'a', type: 'string', doc: 'A text.' };

    it('gives back under its id the schema that was registered', async () => {
      const { subject, record } = fresh();
      const id = await under.registry.register(subject, schema(record, text));
      const found = await under.registry.schema(id);
      expect(found?.kind).toBe('avro');
      expect(JSON.parse(found?.schema ?? '')).toEqual(JSON.parse(schema(record, text)));
    });

    it('answers the same id for the same schema', async () => {
      const { subject, record } = fresh();
      const id = await under.registry.register(subject, schema(record, text));
      expect(await under.registry.register(subject, schema(record, text))).toBe(id);
    });

    it('answers positive ids of 31 bits, different ones for different schemas', async () => {
      const [one, two] = [fresh(), fresh()];
      const ids = [
        await under.registry.register(one.subject, schema(one.record, text)),
        await under.registry.register(two.subject, schema(two.record, text)),
      ];
      expect(new Set(ids).size).toBe(2);
      for (const id of ids) expect(id > 0 && id < 2 ** 31).toBe(true);
    });

    it('takes a schema that reads what was written before', async () => {
      const { subject, record } = fresh();
      const first = await under.registry.register(subject, schema(record, text));
      const second = await under.registry.register(
        subject,
        schema(record, text, { name: 'b', type: ['null', 'long'], default: null }),
      );
      expect(second).not.toBe(first);
      expect(
        await under.registry.register(subject, schema(record, { name: 'b', type: ['null', 'long'], default: null })),
      ).not.toBe(second);
    });

    it('answers the id of an earlier version to a process that still runs it', async () => {
      const { subject, record } = fresh();
      const both = schema(record, text, { name: 'b', type: 'int' });
      const first = await under.registry.register(subject, both);
      await under.registry.register(subject, schema(record, text));
      expect(await under.registry.register(subject, both)).toBe(first);
    });

    it('refuses a new field without a default, and names subject and field', async () => {
      const { subject, record } = fresh();
      await under.registry.register(subject, schema(record, text));
      const refused = under.registry.register(subject, schema(record, text, { name: 'b', type: 'string' }));
      await expect(refused).rejects.toMatchObject({ code: 'TOPIC_MISMATCH', retryable: false });
      await expect(refused).rejects.toThrow(subject);
      await expect(refused).rejects.toThrow(`${record}.b is new and has no default`);
    });

    it('refuses a field of another type, and names both types', async () => {
      const { subject, record } = fresh();
      await under.registry.register(subject, schema(record, text));
      const refused = under.registry.register(subject, schema(record, { name: 'a', type: 'int' }));
      await expect(refused).rejects.toThrow(`${record}.a was string and is int`);
    });

    it('knows no schema that was never registered', async () => {
      expect(await under.registry.schema(2_147_483_000)).toBeUndefined();
    });

    it('says, when it is away, that another try may succeed', async () => {
      const { subject, record } = fresh();
      const away = { code: 'REGISTRY_UNAVAILABLE', retryable: true };
      await expect(under.away.register(subject, schema(record, text))).rejects.toMatchObject(away);
      await expect(under.away.schema(1)).rejects.toMatchObject(away);
    });
  });
}
