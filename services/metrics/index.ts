import { Router } from 'express';
import type { Registry } from 'prom-client';

/** The registry in Prometheus' text format; mount it at `/metrics`. It holds no personal data. */
export function metricsRouter(registry: Registry): Router {
  const router = Router();
  router.get('/', async (_, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  return router;
}
