import { Router, json } from 'express';
import { FreshetError } from '../runtime/errors.ts';
import type { DemoStory } from './demo-story.ts';
import type { Settings } from './settings.ts';

/** `POST /break {"what": …}` for whoever shows the demonstration; JSON only, so that no other site can ask for it. */
export function demoRouter(story: () => DemoStory | undefined): Router {
  const router = Router();
  const answer = async (what: unknown): Promise<readonly [status: number, body: object]> => {
    const current = story();
    if (current === undefined) return [409, { error: 'The demonstration has not begun yet.' }];
    if (typeof what !== 'string') return [400, { error: 'what: expected a name, as JSON' }];
    try {
      const { says } = await current.break(what);
      return [200, { says }];
    } catch (error) {
      if (!(error instanceof FreshetError)) throw error;
      return [409, { error: error.message }];
    }
  };
  router.post('/break', json({ limit: 1000 }), async ({ body }, response) => {
    const { what } = (body ?? {}) as { readonly what?: unknown };
    const [status, said] = await answer(what);
    response.status(status).json(said);
  });
  return router;
}

/** Asks the demonstration that runs on this machine to break something; prints what it says. */
export async function breakDemo(what: string, { ports, consoleUrl }: Pick<Settings, 'ports' | 'consoleUrl'>): Promise<void> {
  const answer = await askConsole<{ says?: string; error?: string }>({ ports, consoleUrl }, '/api/demo/break', { what });
  if (answer.says === undefined)
    throw new FreshetError(
      'CONFIG_INVALID',
      answer.error === 'not found' ? 'What runs there is no demonstration.' : `${answer.error}`,
    );
  process.stdout.write(`${answer.says}\n`);
}

/** Asks the read side of the process that runs on this machine; BROKER_UNAVAILABLE says how to start one. */
export async function askConsole<T>({ ports }: Pick<Settings, 'ports' | 'consoleUrl'>, path: string, body?: unknown): Promise<T> {
  const url = `http://localhost:${ports.console}${path}`;
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(url, body === undefined ? {} : post).catch((cause: unknown) => {
    const message = `Nothing answers on port ${ports.console}: npm start, or FRESHET_CONSOLE_PORT, is missing.`;
    throw new FreshetError('BROKER_UNAVAILABLE', message, { cause });
  });
  return (await response.json()) as T;
}
