import { Router } from 'express';
import { notFound } from '../http.ts';
import type { SnapshotView, TraceView } from '../views.ts';
import type { SnapshotStream } from './stream.ts';

export interface WalkRoutes {
  readonly view: SnapshotView;
  readonly trace: TraceView;
  readonly stream: SnapshotStream;
}

/**
 * `GET /api/walk` (rates, lags, sources, clocks that are wrong, and how long the way takes), `/api/decisions` (the last twenty with their because), `/api/waiting` (who waits for
 * which source), `/api/stream` (the whole
 * snapshot as server-sent events, once a second) and `/api/trace/{messageId}` (where an event is and what it changed).
 */
export function walkRouter({ view, trace, stream }: WalkRoutes): Router {
  const router = Router();
  router.get('/api/walk', (_, response) => {
    const { walk, status, clocks } = view.snapshot();
    response.json({ ...walk, sources: status.sources, rejected: status.rejected, times: status.times, clocks });
  });
  router.get('/api/decisions', (_, response) => {
    response.json(view.snapshot().status.decisions);
  });
  router.get('/api/waiting', (_, response) => {
    response.json(view.snapshot().waiting);
  });
  router.get('/api/stream', stream.handler);
  router.get('/api/trace/:messageId', async ({ params }, response) => {
    const found = params.messageId.length <= 200 ? await trace.trace(params.messageId) : undefined;
    if (found === undefined) notFound(response);
    else response.json(found);
  });
  return router;
}
