import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { FreshetError } from '../runtime/errors.ts';
import type { Log } from '../runtime/environment.ts';

const OWN_PAGES =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Nothing is cached, framed, sniffed or loaded from elsewhere, and no other site learns where a reader came from. */
export const safeHeaders: RequestHandler = (_, response, next) => {
  response.set({
    'Content-Security-Policy': OWN_PAGES,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  });
  next();
};

/** Answers only requests that name one of these hosts (a port may follow), so that no other site can point its own name here. */
export function onlyHosts(hosts: readonly string[]): RequestHandler {
  const known = new Set(hosts.map((host) => host.toLowerCase()));
  return ({ headers }, response, next) => {
    const host = (headers.host ?? '').toLowerCase().replace(/:\d+$/, '');
    if (known.has(host)) next();
    else response.status(421).json({ error: 'unknown host' });
  };
}

/** The same answer whatever is not there. */
export function notFound(response: Response): void {
  response.status(404).json({ error: 'not found' });
}

/** What went wrong is logged by its code, never with the address that was asked for: it may hold an identifier. */
export function onError(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof URIError) return notFound(response);
    const known = error instanceof FreshetError ? error : undefined;
    log('warn', 'a request failed', {
      method: request.method,
      code: known?.code ?? (error instanceof Error ? error.name : 'error'),
    });
    if (known?.code === 'NOT_LOCAL' || known?.retryable === true) {
      response.status(503).set('Retry-After', '1').json({ error: 'not available at the moment', code: known.code });
    } else response.status(500).json({ error: 'internal error' });
  };
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** For text and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}
