import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FreshetError } from '../runtime/errors.ts';

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves on the loopback interface unless `host` says otherwise. PORT_BUSY names the port and the variable that changes it. */
export async function listen(app: RequestListener, port: number, setting: string, host = '127.0.0.1'): Promise<Listening> {
  const server: Server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const busy = error.code === 'EADDRINUSE';
      reject(
        busy
          ? new FreshetError('PORT_BUSY', `Port ${port} is in use: end what uses it, or choose another with ${setting}.`, {
              cause: error,
            })
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 1000).unref();
      }),
  };
}
