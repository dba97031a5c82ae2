import { afterEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Store, StoreEngine } from '../../../runtime/state/store.ts';

/** What every store engine promises; `fresh` gives an engine over nothing, and its removal. */
export function storeSuite(name: string, fresh: () => Promise<{ engine: StoreEngine; remove: () => Promise<void> }>): void {
  describe(`the ${name} store`, () => {
    const removals: (() => Promise<void>)[] = [];
    const open = async (): Promise<{ engine: StoreEngine; store: Store }> => {
      const { engine, remove } = await fresh();
      const store = await engine.open('task-0');
      removals.push(async () => {
        await store.close().catch(() => undefined);
        await remove();
      });
      return { engine, store };
    };
    afterEach(async () => {
      for (const remove of removals.splice(0)) await remove();
    });
    const key = (text: string): Buffer => Buffer.from(text, 'utf8');
    const put = (id: string, value: string) => ({ kind: 'put', key: key(id), value: key(value) }) as const;

    it('gives back what was written, and undefined for what was not', async () => {
      const { store } = await open();
      await store.write([put('a', '1'), put('b', '2')]);
      const values = await store.getMany([key('b'), key('nothing'), key('a')]);
      expect(values.map((value) => value?.toString())).toEqual(['2', undefined, '1']);
      expect(store.get(key('a'))?.toString()).toBe('1');
      expect(store.get(key('nothing'))).toBeUndefined();
      expect(await store.getMany([])).toEqual([]);
    });

    it('applies the operations of a batch in their order', async () => {
      const { store } = await open();
      await store.write([put('a', '1'), { kind: 'del', key: key('a') }, put('b', '1'), put('b', '2')]);
      expect(store.get(key('a'))).toBeUndefined();
      expect(store.get(key('b'))?.toString()).toBe('2');
    });

    it('keeps empty values apart from absent ones, and bytes that are no text', async () => {
      const { store } = await open();
      const odd = Buffer.from([0, 255, 128, 0]);
      await store.write([{ kind: 'put', key: odd, value: Buffer.alloc(0) }]);
      expect(store.get(odd)).toEqual(Buffer.alloc(0));
    });

    it('scans a range in byte order, up to its limit', async () => {
      const { store } = await open();
      await store.write(['t\0b', 'd', 't\0a', 'u', 't\0\u00ff'].map((id) => put(id, id)));
      const found = store.scan({ gte: key('t'), lt: key('u') }).map((entry) => entry.key.toString());
      expect(found).toEqual(['t\0a', 't\0b', 't\0\u00ff']);
      expect(store.scan({ gte: key('t'), lt: key('u'), limit: 1 })).toHaveLength(1);
    });

    it('is the same after it was closed and opened again', async () => {
      const { engine, store } = await open();
      await store.write([put('a', '1')]);
      await store.close();
      const again = await engine.open('task-0');
      expect(again.get(key('a'))?.toString()).toBe('1');
      await again.close();
    });

    it('is refused to a second opener', async () => {
      const { engine } = await open();
      await expect(engine.open('task-0')).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    });

    it('begins empty after it was destroyed', async () => {
      const { engine, store } = await open();
      await store.write([put('a', '1')]);
      await store.close();
      await engine.destroy('task-0');
      const again = await engine.open('task-0');
      expect(again.get(key('a'))).toBeUndefined();
      await again.close();
    });

    it('behaves as a sorted map under any writes', async () => {
      const id = fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'é'), minLength: 1, maxLength: 3 });
      const op = fc.oneof(fc.record({ id, value: fc.string() }), fc.record({ id, value: fc.constant(null) }));
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(op, { maxLength: 6 }), { maxLength: 8 }), async (batches) => {
          const { engine, remove } = await fresh();
          const store = await engine.open('task-0');
          const model = new Map<string, string>();
          for (const batch of batches) {
            await store.write(
              batch.map(({ id: at, value }) => (value === null ? { kind: 'del', key: key(at) } : put(at, value))),
            );
            for (const { id: at, value } of batch) {
              if (value === null) model.delete(at);
              else model.set(at, value);
            }
          }
          const sorted = [...model].sort(([one], [other]) => Buffer.compare(key(one), key(other)));
          const all = store.scan({ gte: Buffer.alloc(0), lt: Buffer.from([0xff]) });
          expect(all.map((entry) => [entry.key.toString(), entry.value.toString()])).toEqual(
            sorted.map(([at, value]) => [at, Buffer.from(value, 'utf8').toString()]),
          );
          await store.close();
          await remove();
        }),
        { numRuns: 30 },
      );
    });
  });
}
