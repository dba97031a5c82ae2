import type { Producer } from '../kafka/contract.ts';
import type { Claim } from './contract.ts';
import { batchFromText, batchText } from './source-batches.ts';

/** Key of the records that only carry the time at which the broker appended them. */
export const TICK_KEY = 'tick';

export function claimKey(stage: string, task: string, source: string): string {
  return `${stage}|${task}|${source}`;
}

export function encodeClaim(claim: Claim): Buffer {
  const batch = claim.batch ? `,${batchText(claim.batch)}` : '';
  return Buffer.from(`${claim.at},${claim.sign ?? ''}${claim.ended || batch ? `,${claim.ended ? 'ended' : ''}` : ''}${batch}`);
}

/** The claim of a record of the control topic, or undefined for ticks and what is no claim. */
export function decodeClaim(key: string, value: Buffer): Claim | undefined {
  const [stage, task, source, more] = key.split('|');
  if (!stage || task === undefined || !source || more !== undefined) return undefined;
  const [at, sign, ended, text] = value.toString('utf8').split(',');
  const batch = text === undefined ? undefined : batchFromText(text);
  const claim = {
    stage,
    task,
    source,
    at: Number(at),
    ...(ended === 'ended' ? { ended: true } : {}),
    ...(batch ? { batch } : {}),
  };
  if (Number.isNaN(claim.at)) return undefined;
  return sign ? { ...claim, sign: Number(sign) } : claim;
}

/** Publishes the claims of a process: what has changed since, in one batch, a few times a second. */
export interface ClaimWriter {
  claim(claim: Claim): void;
  /** Forgets the claims of a task, e.g. of a gateway that ends cleanly. */
  retire(stage: string, task: string, source: string): void;
  /** Asks for a tick: a record whose only content is its append time. */
  tick(): void;
  /** Sends at once what waits; resolves when acknowledged. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface ClaimWriterOptions {
  readonly producer: Producer;
  /** Physical name of the control topic. */
  readonly topic: string;
  /** Between two batches. Default 100 ms. */
  readonly intervalMs?: number;
  readonly onError?: (error: unknown) => void;
}

export function claimWriter(options: ClaimWriterOptions): ClaimWriter {
  const { producer, topic } = options;
  const latest = new Map<string, string>();
  const waiting = new Map<string, Buffer | null>();
  let sending: Promise<void> | undefined;

  const send = async (): Promise<void> => {
    while (waiting.size > 0) {
      const records = [...waiting].map(([key, value]) => ({ key: Buffer.from(key), value }));
      waiting.clear();
      try {
        await producer.send({ topic, partition: 0, records });
      } catch (error) {
        // Claims stay true: put back what no newer one has replaced, and try again with the next batch.
        for (const { key, value } of records) {
          const id = key.toString('utf8');
          if (!waiting.has(id)) waiting.set(id, value);
        }
        options.onError?.(error);
        return;
      }
    }
  };
  const flush = (): Promise<void> => {
    sending ??= send().finally(() => {
      sending = undefined;
    });
    return sending;
  };
  const timer = setInterval(() => void flush(), options.intervalMs ?? 100);
  timer.unref();

  return {
    claim: (claim) => {
      const key = claimKey(claim.stage, claim.task, claim.source);
      const value = encodeClaim(claim);
      const text = value.toString('latin1');
      if (latest.get(key) === text) return;
      latest.set(key, text);
      waiting.set(key, value);
    },
    retire: (stage, task, source) => {
      const key = claimKey(stage, task, source);
      latest.delete(key);
      waiting.set(key, null);
    },
    tick: () => {
      waiting.set(TICK_KEY, Buffer.alloc(0));
    },
    flush,
    close: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}
