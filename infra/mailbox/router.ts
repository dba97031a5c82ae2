import { Router } from 'express';
import type { Response } from 'express';
import { framePage, listPage, mailPage } from './pages.ts';
import type { Mail, MailStore } from './store.ts';

const OWN =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** A mail may look as it likes and show pictures it carries; it runs nothing and fetches nothing. */
const FRAMED =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'";

const summary = ({ id, receivedAt, messageId, from, to, subject }: Mail) => ({ id, receivedAt, messageId, from, to, subject });

/** The pages of the mailbox and its JSON: `/`, `/mails/:id`, `/api/mails?limit=&to=` (newest first) and `/api/mails/:id`. */
export function mailboxRouter(store: MailStore): Router {
  const router = Router();

  router.use((_, response, next) => {
    response.set({
      'Content-Security-Policy': OWN,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    });
    next();
  });
  for (const file of ['mailbox.css', 'mailbox.mjs']) {
    router.get(`/${file}`, (_, response) => response.sendFile(file, { root: import.meta.dirname }));
  }
  router.get('/', (request, response) => void response.type('html').send(listPage(request.baseUrl, store.list())));
  router.get('/api/mails', ({ query }, response) => {
    const limit = Math.min(1000, Number.parseInt(typeof query['limit'] === 'string' ? query['limit'] : '', 10) || 100);
    const mails = store.list().filter(({ to }) => typeof query['to'] !== 'string' || to.includes(query['to']));
    response.json(mails.slice(0, limit).map(summary));
  });
  router.get('/api/mails/:id', ({ params }, response) =>
    withMail(store, params.id, response, (mail) => response.json({ ...summary(mail), text: mail.text, html: mail.html })),
  );
  router.get('/mails/:id', ({ params, baseUrl }, response) =>
    withMail(store, params.id, response, (mail) => response.type('html').send(mailPage(baseUrl, mail))),
  );
  router.get('/mails/:id/html', ({ params }, response) =>
    withMail(store, params.id, response, (mail) =>
      response.set('Content-Security-Policy', FRAMED).type('html').send(framePage(mail)),
    ),
  );
  return router;
}

function withMail(store: MailStore, id: string, response: Response, found: (mail: Mail) => unknown): void {
  const mail = /^\d{1,9}$/.test(id) ? store.find(Number(id)) : undefined;
  if (mail === undefined) response.status(404).type('text').send('There is no such mail.\n');
  else found(mail);
}
