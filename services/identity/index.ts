import express, { type RequestHandler, type Response, Router } from 'express';

/** An operator's wish, as it came in and has been checked. */
export interface SplitWish {
  readonly between: readonly [string, string];
  readonly takeBack: boolean;
  readonly dryRun: boolean;
  readonly author: string;
  readonly reason?: string;
}

/** What an operator says of pairs that wait for somebody to look at them. */
export interface Judging {
  readonly ids: readonly string[];
  readonly verdict: 'accept' | 'reject' | 'reopen';
}

/** What operators ask of identities, whatever answers it. */
export interface IdentityDesk {
  /** What came of it, as plain data; `done` false: it stands, but not all of it has happened yet. Throws `code` CONFIG_INVALID for what is no identifier. */
  split(wish: SplitWish): Promise<{ readonly done: boolean; readonly result: unknown }>;
  /** What has come of a command by now. */
  found(id: string): Promise<{ readonly done: boolean; readonly result: unknown }>;
  /** Pairs that wait for somebody to look at them, the likeliest first, `limit` at most, without personal data. */
  reviews(limit: number): Promise<{ readonly total: number; readonly reviews: readonly unknown[] }>;
  /** Decides on pairs, all or none; resolves when that is written. Throws `code` CONFIG_INVALID for an id that is none. */
  judge(judging: Judging): Promise<readonly unknown[]>;
}

const MOST = 500;

/**
 * The operator's side of identity. `POST /api/identity/split` with `{"between":["user_id:ada","anonymous_id:b1"],"author":"…"}` and, if
 * wanted, `reason`, `takeBack`, `dryRun`: 200 with what came of it, 202 while some of it is still under way; `GET
 * /api/identity/split/{id}` tells again. `GET /api/identity/review?limit=50` lists the pairs that wait to be looked at, `POST
 * /api/identity/review` with `{"ids":["r_…"],"verdict":"accept|reject|reopen"}` decides on them. Only JSON is taken, and nothing that a browser sends for another site.
 */
export function identityRouter(desk: IdentityDesk): Router {
  const router = Router();
  const answer = (response: Response, { done, result }: { done: boolean; result: unknown }): void =>
    void response.status(done ? 200 : 202).json(result);
  router.post('/api/identity/split', ownRequests, express.json({ limit: '8kb' }), async ({ body }, response) => {
    const wish = wishOf(body);
    if ('field' in wish) {
      response.status(400).json({ error: `${wish.field}: expected ${wish.expected}`, field: wish.field });
      return;
    }
    await refusing(response, 'between', async () => answer(response, await desk.split(wish)));
  });
  router.get('/api/identity/split/:id', async ({ params }, response) => {
    answer(response, await desk.found(params.id));
  });
  router.get('/api/identity/review', async ({ query }, response) => {
    const limit = Number(query['limit'] ?? 50);
    if (Number.isInteger(limit) && limit > 0 && limit <= 1000) response.json(await desk.reviews(limit));
    else response.status(400).json({ error: 'limit: expected a whole number up to 1000', field: 'limit' });
  });
  router.post('/api/identity/review', ownRequests, express.json({ limit: '64kb' }), async ({ body }, response) => {
    const judging = judgingOf(body);
    if ('field' in judging)
      response.status(400).json({ error: `${judging.field}: expected ${judging.expected}`, field: judging.field });
    else await refusing(response, 'ids', async () => void response.json({ judged: await desk.judge(judging) }));
  });
  return router;
}

/** What is no identifier, or no id, is the caller's mistake. */
async function refusing(response: Response, field: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'CONFIG_INVALID')) throw error;
    response.status(400).json({ error: error.message, field });
  }
}

/** A page of another site can make a browser post a form here, but not JSON. */
const ownRequests: RequestHandler = (request, response, next) => {
  const from = request.headers['sec-fetch-site'];
  if (from !== undefined && from !== 'same-origin' && from !== 'none')
    response.status(403).json({ error: 'not from another site' });
  else if (!request.is('application/json')) response.status(415).json({ error: 'expected application/json' });
  else next();
};

interface Wrong {
  readonly field: string;
  readonly expected: string;
}

function wishOf(body: unknown): SplitWish | Wrong {
  if (typeof body !== 'object' || body === null) return { field: 'body', expected: 'a JSON object' };
  const { between, takeBack = false, dryRun = false, author, reason } = body as Readonly<Record<string, unknown>>;
  if (!Array.isArray(between) || between.length !== 2 || !between.every((one) => isText(one)))
    return { field: 'between', expected: 'two identifiers, each as kind:value' };
  if (typeof takeBack !== 'boolean') return { field: 'takeBack', expected: 'true or false' };
  if (typeof dryRun !== 'boolean') return { field: 'dryRun', expected: 'true or false' };
  if (!isText(author)) return { field: 'author', expected: 'who says so' };
  if (reason !== undefined && !isText(reason)) return { field: 'reason', expected: `a text of up to ${MOST} characters` };
  const [one, two] = between as [string, string];
  return { between: [one, two], takeBack, dryRun, author, ...(reason !== undefined && { reason }) };
}

function judgingOf(body: unknown): Judging | Wrong {
  if (typeof body !== 'object' || body === null) return { field: 'body', expected: 'a JSON object' };
  const { ids, verdict } = body as Readonly<Record<string, unknown>>;
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every(isText))
    return { field: 'ids', expected: 'ids of pairs, as the list tells them' };
  if (verdict !== 'accept' && verdict !== 'reject' && verdict !== 'reopen')
    return { field: 'verdict', expected: 'accept, reject or reopen' };
  return { ids, verdict };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MOST;
}
