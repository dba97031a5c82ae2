import express from 'express';
import type { Express } from 'express';
import type { Log } from '../runtime/environment.ts';
import { consoleRouter } from './console/index.ts';
import { notFound, onError, onlyHosts, safeHeaders } from './http.ts';
import { profilesRouter } from './profiles/index.ts';
import type { ProfileView, SnapshotView, TraceView, WhyView } from './views.ts';
import { walkRouter } from './walk/index.ts';
import { createSnapshotStream } from './walk/stream.ts';
import { whyRouter } from './why/index.ts';

export interface ReadSideOptions {
  readonly snapshots: SnapshotView;
  readonly profiles: ProfileView;
  readonly why: WhyView;
  readonly trace: TraceView;
  readonly log: Log;
  /** Names under which it answers; default: those of the loopback interface. It asks for no password: do not open it to others. */
  readonly hosts?: readonly string[];
  /** More routes beside its own, e.g. the development mailbox: by path. */
  readonly more?: Readonly<Record<string, express.Router>>;
}

export interface ReadSide {
  readonly app: Express;
  /** Ends the streams, so that the server can close. */
  close(): void;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** The whole read side as one express app: live page, profiles, walk, decisions, traces and reasons. Read-only. */
export function createReadSide({ snapshots, profiles, why, trace, log, hosts = LOOPBACK, more = {} }: ReadSideOptions): ReadSide {
  const stream = createSnapshotStream({ view: snapshots });
  const app = express().disable('x-powered-by').disable('etag').set('query parser', 'simple');
  app.use(onlyHosts(hosts), safeHeaders);
  app.use(walkRouter({ view: snapshots, trace, stream }), profilesRouter(profiles), whyRouter(why), consoleRouter());
  for (const [path, router] of Object.entries(more)) app.use(path, router);
  app.use((_, response) => notFound(response));
  app.use(onError(log));
  return { app, close: () => stream.close() };
}
