import type { RequestHandler, Response } from 'express';
import type { SnapshotView } from '../views.ts';

export interface StreamOptions {
  readonly view: SnapshotView;
  /** Default 1,000. */
  readonly intervalMs?: number;
  /** More than these get 503. Default 64. */
  readonly maxClients?: number;
}

/** Snapshots to any number of browsers. */
export interface SnapshotStream {
  readonly handler: RequestHandler;
  close(): void;
}

/** A reader that has taken nothing for so many intervals is cut off. */
const PATIENCE = 30;

/**
 * Every interval one snapshot is made and sent to all clients. A client that is slow misses snapshots, and memory holds at
 * most one for it: each snapshot is whole, so the next one makes up for those missed.
 */
export function createSnapshotStream({ view, intervalMs = 1000, maxClients = 64 }: StreamOptions): SnapshotStream {
  const clients = new Map<Response, number>();
  let timer: NodeJS.Timeout | undefined;

  const event = (): string => `data: ${JSON.stringify(view.snapshot())}\n\n`;

  const tick = (): void => {
    const text = event();
    for (const [response, missed] of clients) {
      if (!response.writableNeedDrain) {
        clients.set(response, 0);
        response.write(text);
      } else if (missed >= PATIENCE) response.destroy();
      else clients.set(response, missed + 1);
    }
  };

  const leave = (response: Response): void => {
    clients.delete(response);
    if (clients.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  return {
    handler: (_, response) => {
      if (clients.size >= maxClients) {
        response.status(503).set('Retry-After', '10').json({ error: 'too many readers of the stream' });
        return;
      }
      response.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
      response.write(`retry: 2000\n\n${event()}`);
      clients.set(response, 0);
      response.on('close', () => leave(response));
      timer ??= setInterval(tick, intervalMs).unref();
    },
    close: () => {
      for (const response of clients.keys()) response.end();
    },
  };
}
