import { Router } from 'express';
import type { WhyView } from '../views.ts';
import { unknownPage, whyPage } from './page.ts';

/**
 * `GET /why/{request id}`: the page behind "Why did I get this?". It shows no address and nothing of the message;
 * the id cannot be guessed (132 bits), and any that is not known gets the same 404.
 */
export function whyRouter(view: WhyView): Router {
  const router = Router();
  router.get('/why/:id', async ({ params }, response) => {
    const why = params.id.length <= 64 ? await view.why(params.id) : undefined;
    response.type('html');
    if (why === undefined) response.status(404).send(unknownPage());
    else response.send(whyPage(why));
  });
  router.get('/why.css', (_, response) => response.sendFile('why.css', { root: import.meta.dirname }));
  return router;
}
