import { workerData } from 'node:worker_threads';

// A thread that waits to be told, and a given time more, and then kills its process whatever that is doing.

const { signal, pauseMs } = workerData as { readonly signal: Int32Array; readonly pauseMs: number };
Atomics.wait(signal, 0, 0);
Atomics.wait(signal, 0, 1, pauseMs);
process.kill(process.pid, 'SIGKILL');
