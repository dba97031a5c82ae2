import { Router } from 'express';
import { notFound } from '../http.ts';
import type { ProfileView } from '../views.ts';

/**
 * `GET /api/customers/{kind}/{value}`: what is known of a customer, each fact with source and age, and the memberships.
 * Unknown kinds, unknown values and values that no identifier can have get the same 404.
 */
export function profilesRouter(view: ProfileView): Router {
  const router = Router();
  router.get('/api/customers/:kind/:value', async ({ params: { kind, value } }, response) => {
    const possible = /^[a-z][a-z0-9_]{0,63}$/.test(kind) && value.length <= 320;
    const customer = possible ? await view.find(kind, value) : undefined;
    if (customer === undefined) notFound(response);
    else response.json(customer);
  });
  return router;
}
