import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

/** What is used of the internals of kafkajs 2.2.4, the last release: its wire encoding, and connections with TLS, SASL and framing. */

export interface Encoder {
  writeInt8(value: number): Encoder;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeInt64(value: number | bigint): Encoder;
  writeBoolean(value: boolean): Encoder;
  writeString(value: string | null): Encoder;
  writeBytes(value: Buffer | null): Encoder;
  readonly buffer: Buffer;
}

export interface Decoder {
  readInt8(): number;
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readBoolean(): boolean;
  readString(): string | null;
  readBytes(): Buffer | null;
  readArray<T>(read: (decoder: Decoder) => T): T[];
}

/** Protocol versions by API key. */
type ApiVersions = Readonly<Record<number, { minVersion: number; maxVersion: number }>>;

interface RequestQueue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests: () => void;
}

export interface Connection {
  readonly requestQueue: RequestQueue;
  readonly socket: Socket | undefined;
  /** Milliseconds that an authentication holds, a 64-bit number that turns into text; 0 for ever. */
  readonly sessionLifetime: { toString(): string };
  isConnected(): boolean;
  isAuthenticated: () => boolean;
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  authenticate(): Promise<void>;
  setVersions(versions: ApiVersions): void;
  setSupportAuthenticationProtocol(supported: boolean): void;
  rejectRequests(error: Error): void;
  send<T>(protocol: {
    request: { apiKey: number; apiVersion: number; apiName: string; encode: () => Promise<Encoder> };
    response: { decode: (payload: Buffer) => Promise<T>; parse: (decoded: T) => Promise<T> };
    requestTimeout?: number | null;
    logResponseError?: boolean;
  }): Promise<T>;
}

interface Logger {
  namespace(): Logger;
  debug(): void;
  info(): void;
  warn(): void;
  error(): void;
}

interface ConnectionOptions {
  host: string;
  port: number;
  clientId: string;
  ssl: object | null;
  sasl: object | null;
  logger: Logger;
  socketFactory: unknown;
  connectionTimeout: number;
  requestTimeout: number;
  enforceRequestTimeout: boolean;
  maxInFlightRequests: null;
}

const require = createRequire(import.meta.url);
const ConnectionClass = require('kafkajs/src/network/connection') as new (options: ConnectionOptions) => Connection;
const EncoderClass = require('kafkajs/src/protocol/encoder') as new (initialSize?: number) => Encoder;
const DecoderClass = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => Decoder;
const socketFactory = require('kafkajs/src/network/socketFactory') as () => unknown;
const apiVersions = require('kafkajs/src/protocol/requests/apiVersions/v2/request') as () => ApiVersionsRequest;
const apiVersionsResponse = require('kafkajs/src/protocol/requests/apiVersions/v2/response') as ApiVersionsResponse;

type ApiVersionsRequest = Parameters<Connection['send']>[0]['request'];
interface ApiVersionsAnswer {
  readonly apiVersions: readonly { apiKey: number; minVersion: number; maxVersion: number }[];
}
interface ApiVersionsResponse {
  decode: (payload: Buffer) => Promise<ApiVersionsAnswer>;
  parse: (decoded: ApiVersionsAnswer) => Promise<ApiVersionsAnswer>;
}

const silent: Logger = { namespace: () => silent, debug() {}, info() {}, warn() {}, error() {} };

export function encoder(initialSize?: number): Encoder {
  return new EncoderClass(initialSize);
}

export function decoder(buffer: Buffer): Decoder {
  return new DecoderClass(buffer);
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly ssl: object | boolean | undefined;
  readonly sasl: object | undefined;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

export interface OpenConnection {
  readonly connection: Connection;
  /** Time (of `performance.now()`) after which new requests should go to a new connection, because the session ends. */
  readonly renewAt: number;
}

/**
 * Connects and authenticates. The connection never authenticates again by itself: the original would do so in between
 * other requests, which brokers answer with ILLEGAL_SASL_STATE.
 */
export async function openConnection(options: ConnectOptions): Promise<OpenConnection> {
  const ssl = options.ssl === true ? {} : options.ssl === false ? null : (options.ssl ?? null);
  const connection = new ConnectionClass({
    host: options.host,
    port: options.port,
    clientId: options.clientId,
    ssl,
    sasl: options.sasl === undefined ? null : { ...options.sasl },
    logger: silent,
    socketFactory: socketFactory(),
    connectionTimeout: options.connectTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    enforceRequestTimeout: true,
    maxInFlightRequests: null,
  });
  mendThrottling(connection.requestQueue);
  await connection.connect();
  if (options.sasl === undefined) return { connection, renewAt: Infinity };
  try {
    const { apiVersions: versions } = await connection.send({ request: apiVersions(), response: apiVersionsResponse });
    connection.setVersions(Object.fromEntries(versions.map(({ apiKey, ...range }) => [apiKey, range])));
    connection.setSupportAuthenticationProtocol(true);
    await connection.authenticate();
    connection.isAuthenticated = () => true;
    const lifetime = Number(connection.sessionLifetime.toString());
    return { connection, renewAt: lifetime > 0 ? performance.now() + lifetime * 0.8 : Infinity };
  } catch (error) {
    await closeConnection(connection, error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

/** Rejects what is under way and leaves no handle behind. */
export async function closeConnection(connection: Connection, reason: Error): Promise<void> {
  connection.rejectRequests(reason);
  await connection.disconnect();
  connection.socket?.destroy();
}

/** The original starts a timer after every response, with a negative delay: a tick each millisecond for the life of the connection. */
function mendThrottling(queue: RequestQueue): void {
  queue.scheduleCheckPendingRequests = () => {
    const wait = queue.throttledUntil - Date.now();
    if (wait <= 0 || queue.throttleCheckTimeoutId !== null) return;
    queue.throttleCheckTimeoutId = setTimeout(() => {
      queue.throttleCheckTimeoutId = null;
      queue.checkPendingRequests();
    }, wait);
  };
}
