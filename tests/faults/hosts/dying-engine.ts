import { Worker } from 'node:worker_threads';
import type { StoreEngine } from '../../../runtime/state/store.ts';

/** Stores of which one, after some writes that go well, is killed with its process up to `withinMs` after the next has begun. */
export function dyingEngine(engine: StoreEngine, name: string, after: number, withinMs: number): StoreEngine {
  const signal = new Int32Array(new SharedArrayBuffer(4));
  // The engine writes on this thread, so that another has to end it.
  const killer = new Worker(new URL('killer.ts', import.meta.url), { workerData: { signal, pauseMs: Math.random() * withinMs } });
  killer.unref();
  return {
    open: async (opened) => {
      const store = await engine.open(opened);
      if (opened !== name) return store;
      let left = after;
      return {
        getMany: (keys) => store.getMany(keys),
        get: (key) => store.get(key),
        write: (ops) => {
          if (left-- === 0) {
            Atomics.store(signal, 0, 1);
            Atomics.notify(signal, 0);
          }
          return store.write(ops);
        },
        scan: (range) => store.scan(range),
        size: () => store.size(),
        close: () => store.close(),
      };
    },
    destroy: (opened) => engine.destroy(opened),
  };
}
