import { closeConnection, encoder, openConnection, decoder } from './kafkajs.ts';
import type { Connection, ConnectOptions, OpenConnection } from './kafkajs.ts';
import { ProtocolError } from './protocol-error.ts';
import type { ApiRequest } from './request.ts';

/** Types of ProtocolError that come from here, not from a broker. */
export type LinkFailure = 'AUTHENTICATION_FAILED' | 'CONNECTION_LOST' | 'NO_RESPONSE';

export function isLinkFailure({ type }: ProtocolError): boolean {
  return type === 'AUTHENTICATION_FAILED' || type === 'CONNECTION_LOST' || type === 'NO_RESPONSE';
}

/** One connection to one broker address, opened when needed, opened anew after it broke. A broker answers its requests in order. */
export class Link {
  readonly #options: ConnectOptions;
  #open: OpenConnection | undefined;
  #opening: Promise<OpenConnection> | undefined;
  /** Those whose session ends: they finish what is under way. */
  readonly #retired = new Set<Connection>();
  #closed = false;

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#open?.connection.isConnected() === true;
  }

  /** Rejects with ProtocolError; after any failure but a broker's answer the connection is dropped. */
  async send<T>(request: ApiRequest<T>): Promise<T> {
    const { connection } = await this.#connect();
    try {
      return await send(connection, request, this.#options.requestTimeoutMs);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      const failure = failureOf(error, this.#where(request.name), request.readOnly === true);
      await this.#drop(connection, new Error(failure.message));
      throw failure;
    }
  }

  async close(reason: Error): Promise<void> {
    this.#closed = true;
    const opening = this.#opening?.catch(() => undefined);
    const connections = [...this.#retired, ...(this.#open === undefined ? [] : [this.#open.connection])];
    await Promise.all(connections.map((connection) => this.#drop(connection, reason)));
    const late = await opening;
    if (late !== undefined) await closeConnection(late.connection, reason);
  }

  #connect(): Promise<OpenConnection> {
    const open = this.#open;
    if (open?.connection.isConnected() === true && performance.now() < open.renewAt) return Promise.resolve(open);
    this.#opening ??= this.#reopen().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #reopen(): Promise<OpenConnection> {
    if (this.#closed) throw new ProtocolError('CLOSED', 'the client is closed', { definite: true, retriable: false });
    try {
      const open = await openConnection(this.#options);
      if (this.#open !== undefined) this.#retire(this.#open.connection);
      this.#open = open;
      return open;
    } catch (error) {
      throw failureOf(error, this.#where('connect'), true);
    }
  }

  #retire(connection: Connection): void {
    this.#retired.add(connection);
    void connection.disconnect().finally(() => this.#retired.delete(connection));
  }

  async #drop(connection: Connection, reason: Error): Promise<void> {
    if (this.#open?.connection === connection) this.#open = undefined;
    await closeConnection(connection, reason);
  }

  #where(name: string): string {
    return `${name} at ${this.#options.host}:${this.#options.port}`;
  }
}

async function send<T>(connection: Connection, request: ApiRequest<T>, timeoutMs: number): Promise<T> {
  const to = encoder();
  request.encode(to);
  const { apiKey, apiVersion, name } = request;
  const { value } = await connection.send({
    request: { apiKey, apiVersion, apiName: name, encode: () => Promise.resolve(to) },
    response: {
      decode: (payload) => Promise.resolve({ value: request.decode(decoder(payload)) }),
      parse: (decoded) => Promise.resolve(decoded),
    },
    requestTimeout: timeoutMs + (request.waits ?? 0),
  });
  return value;
}

function failureOf(error: unknown, where: string, definite: boolean): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const { name = 'Error', message = String(error) } = error instanceof Error ? error : {};
  return new ProtocolError(typeOf(name, message), `${where}: ${message}`, { definite, retriable: true, cause: error });
}

function typeOf(name: string, message: string): LinkFailure {
  if (name.includes('SASL') || /certificate|self-signed|wrong version number/i.test(message)) return 'AUTHENTICATION_FAILED';
  return name.includes('Timeout') ? 'NO_RESPONSE' : 'CONNECTION_LOST';
}
