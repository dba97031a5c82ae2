import { Router } from 'express';
import type { Registry } from 'prom-client';

/** `GET /metrics` in Prometheus' text format. It holds no personal data, but mount it on a port of its own. */
export function metricsRouter(registry: Registry): Router {
  const router = Router();
  router.get('/metrics', async (_, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  return router;
}
