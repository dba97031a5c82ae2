import { Router } from 'express';

const files = ['page.css', 'story.css', 'page.mjs', 'draw.mjs', 'format.mjs', 'icon.svg'];

/** The live page at `/`: it reads `/api/stream` and shows it, as text only. */
export function consoleRouter(): Router {
  const router = Router();
  router.get('/', (_, response) => response.sendFile('page.html', { root: import.meta.dirname }));
  for (const file of files) {
    router.get(`/console/${file}`, (_, response) => response.sendFile(file, { root: import.meta.dirname }));
  }
  return router;
}
