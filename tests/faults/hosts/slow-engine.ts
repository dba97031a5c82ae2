import { setTimeout as delay } from 'node:timers/promises';
import type { StoreEngine } from '../../../runtime/state/store.ts';

/** Stores on a disk that takes `msPerThousand` for a thousand changes. */
export function slowEngine(engine: StoreEngine, msPerThousand: number): StoreEngine {
  return {
    open: async (name) => {
      const store = await engine.open(name);
      return {
        getMany: (keys) => store.getMany(keys),
        get: (key) => store.get(key),
        write: async (ops) => {
          await delay((ops.length * msPerThousand) / 1000);
          await store.write(ops);
        },
        scan: (range) => store.scan(range),
        size: () => store.size(),
        close: () => store.close(),
      };
    },
    destroy: (name) => engine.destroy(name),
  };
}
