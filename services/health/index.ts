import { Router, type Response } from 'express';

/** What keeps a process from being alive or ready; empty: nothing does. */
export interface Health {
  /** `what` names a part, `why` says in words what is the matter. Holds no personal data. */
  readonly problems: readonly { readonly what: string; readonly why: string }[];
  /** More about the parts, for whoever looks; e.g. the instances behind this process. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** What the probes of an orchestrator ask. Both answer within a few seconds and never reject. */
export interface HealthView {
  /** Does it get on? If not, only a restart helps. */
  live(): Promise<Health>;
  /** Is all of it at work? */
  ready(): Promise<Health>;
}

/** `/health/live` and `/health/ready`: 200, or 503 with what is the matter. */
export function healthRouter(view: HealthView): Router {
  const router = Router();
  const answer = (response: Response, good: string, { problems, more = {} }: Health): void => {
    const isGood = problems.length === 0;
    response
      .status(isGood ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status: isGood ? good : `not ${good}`, problems, ...more });
  };
  router.get('/health/live', async (_, response) => answer(response, 'live', await view.live()));
  router.get('/health/ready', async (_, response) => answer(response, 'ready', await view.ready()));
  return router;
}
