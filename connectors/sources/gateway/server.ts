import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { FreshetError } from '../../../runtime/errors.ts';
import type { GatewayLimits } from './limits.ts';
import { refuse, type Refusal } from './refusal.ts';

/** A line of the gateway's log; holds no personal data and nothing of a body. */
export interface GatewayLogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly event: 'listening' | 'stopping' | 'stopped' | 'kafka-away' | 'kafka-back' | 'clock-wrong' | 'fault';
  readonly detail?: string;
}

export interface ListeningAt {
  readonly host: string;
  readonly port: number;
  /** Such as `http://127.0.0.1:3000`. */
  readonly url: string;
}

/** The listening socket: its time-outs against slow senders, and its end. */
export class GatewayServer {
  readonly #server: Server;
  readonly #log: (line: GatewayLogLine) => void;
  #stopping: Promise<void> | undefined;

  constructor(listener: RequestListener, limits: GatewayLimits, log: (line: GatewayLogLine) => void) {
    this.#log = log;
    this.#server = createServer(
      {
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        connectionsCheckingInterval: Math.min(5000, limits.headersTimeoutMs),
        maxHeaderSize: 16 * 1024,
      },
      listener,
    );
    this.#server.maxConnections = limits.connections;
    this.#server.on('clientError', answerBroken);
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  refusal(): Refusal {
    return refuse(503, 'stopping', 'the gateway is stopping; send again', 1);
  }

  async start(at: { readonly port?: number; readonly host?: string } = {}): Promise<ListeningAt> {
    const { port = 0, host = '127.0.0.1' } = at;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => reject(cannotListen(error, port));
      this.#server.once('error', failed);
      this.#server.listen(port, host, () => {
        this.#server.off('error', failed);
        resolve();
      });
    });
    const bound = (this.#server.address() as AddressInfo).port;
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
    this.#log({ level: 'info', event: 'listening', detail: url });
    return { host, port: bound, url };
  }

  stop(deadlineMs = 10_000): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    if (!this.#server.listening) return;
    this.#log({ level: 'info', event: 'stopping' });
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    const deadline = setTimeout(() => this.#server.closeAllConnections(), deadlineMs);
    await closed;
    clearTimeout(deadline);
    this.#log({ level: 'info', event: 'stopped' });
  }
}

function cannotListen(error: Error, port: number): FreshetError {
  const isBusy = 'code' in error && error.code === 'EADDRINUSE';
  return isBusy
    ? new FreshetError('PORT_BUSY', `gateway: port ${port} is in use by another program`, { cause: error })
    : new FreshetError('CONFIG_INVALID', `gateway: cannot listen on port ${port}`, { cause: error });
}

/** What is not HTTP, or comes too slowly, gets an answer too, in the same form. */
function answerBroken(error: Error & { code?: string }, socket: Duplex): void {
  const isReset = error.code === 'ECONNRESET' || !socket.writable || (socket as Socket).bytesWritten > 0;
  if (isReset) {
    socket.destroy();
    return;
  }
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const { status, code, message } = isLate
    ? refuse(408, 'request_timeout', 'the request came too slowly')
    : refuse(400, 'bad_request', 'the request is not valid HTTP');
  const body = JSON.stringify({ code, message });
  socket.end(
    `HTTP/1.1 ${status} ${isLate ? 'Request Timeout' : 'Bad Request'}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
