import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const METADATA = 3;
const INIT_PRODUCER_ID = 22;
const END_TXN = 26;

/** What happens to a request: its connection breaks before the broker has it, while the broker is at it, or before its answer is handed on. */
type Fate = 'pass' | 'break-before' | 'break-within' | 'break-after';

interface Request {
  readonly apiKey: number;
  readonly fate: Fate;
}

export interface Weather {
  /** Least and greatest time that an answer takes longer, milliseconds. */
  readonly latencyMs: readonly [number, number];
  /** Share of requests whose connection breaks, from 0 to 1. */
  readonly resets: number;
}

export const fair: Weather = { latencyMs: [0, 0], resets: 0 };

/**
 * Stands between clients and the brokers of a cluster on this machine: reads requests and answers as they pass, delays and breaks
 * connections, and puts its own ports in place of the brokers' into metadata. Knows the versions of requests that our client speaks.
 */
export class KafkaProxy {
  weather = fair;
  resets = 0;
  /** Transactional ids of which an EndTxn reached the broker and its answer nobody, and of which the producer was replaced since. */
  readonly cut: string[] = [];
  readonly replaced: string[] = [];
  readonly #random: () => number;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  /** Port of ours by port of the broker. */
  readonly #ports = new Map<number, number>();
  #cutsLeft = 0;

  private constructor(random: () => number) {
    this.#random = random;
  }

  static async open(brokers: readonly string[], random: () => number): Promise<KafkaProxy> {
    const proxy = new KafkaProxy(random);
    for (const broker of brokers) await proxy.#listen(Number(broker.split(':')[1]));
    return proxy;
  }

  get brokers(): readonly string[] {
    return [...this.#ports.values()].map((port) => `127.0.0.1:${port}`);
  }

  /** So many of the next EndTxn requests reach the broker, and their answers nobody. */
  cutCommits(count: number): void {
    this.#cutsLeft = count;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #listen(brokerPort: number): Promise<void> {
    const server = createServer((client) => this.#join(client, connect(brokerPort, '127.0.0.1')));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    this.#servers.push(server);
    this.#ports.set(brokerPort, (server.address() as AddressInfo).port);
  }

  #join(client: Socket, broker: Socket): void {
    // A broker answers the requests of a connection in their order.
    const pending: Request[] = [];
    let handedOnAt = 0;
    const handOn = (frame: Buffer): void => {
      const [least, most] = this.weather.latencyMs;
      const at = Math.max(handedOnAt, performance.now() + least + this.#random() * (most - least));
      handedOnAt = at;
      if (most === 0) client.write(frame);
      else setTimeout(() => client.destroyed || client.write(frame), at - performance.now());
    };
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.#sockets.delete(one);
        if (!pending.some(({ fate }) => fate === 'break-within')) other.destroy();
      });
    }
    onFrame(client, (frame) => {
      const request = this.#requested(frame);
      if (request.fate !== 'break-before') {
        pending.push(request);
        broker.write(frame);
      }
      if (request.fate === 'break-before' || request.fate === 'break-within') client.resetAndDestroy();
    });
    onFrame(broker, (frame) => {
      const { apiKey, fate } = pending.shift() ?? { apiKey: -1, fate: 'pass' };
      if (apiKey === METADATA) this.#rewrite(frame);
      if (fate === 'pass') handOn(frame);
      else if (fate === 'break-within') broker.destroy();
      else client.resetAndDestroy();
    });
  }

  /** Decides the fate of a request, and keeps the books of transactions. */
  #requested(frame: Buffer): Request {
    const apiKey = frame.readInt16BE(4);
    const clientIdLength = Math.max(0, frame.readInt16BE(12));
    const at = 14 + clientIdLength;
    if (apiKey === INIT_PRODUCER_ID || apiKey === END_TXN) {
      const length = frame.readInt16BE(at);
      const id = length < 0 ? '' : frame.toString('utf8', at + 2, at + 2 + length);
      if (apiKey === INIT_PRODUCER_ID && this.cut.includes(id) && !this.replaced.includes(id)) this.replaced.push(id);
      if (apiKey === END_TXN && this.#cutsLeft > 0 && !this.cut.includes(id)) {
        this.cut.push(id);
        return { apiKey, fate: this.#cutsLeft-- % 2 === 0 ? 'break-after' : 'break-within' };
      }
    }
    if (this.#random() >= this.weather.resets) return { apiKey, fate: 'pass' };
    this.resets += 1;
    return { apiKey, fate: this.#random() < 0.5 ? 'break-before' : 'break-after' };
  }

  /** Behind length, correlation id and throttle time: the brokers. Ports have a fixed width, so nothing moves. */
  #rewrite(answer: Buffer): void {
    let at = 16;
    for (let left = answer.readInt32BE(12); left > 0; left--) {
      const portAt = at + 6 + answer.readInt16BE(at + 4);
      answer.writeInt32BE(this.#ports.get(answer.readInt32BE(portAt)) ?? 0, portAt);
      at = portAt + 6 + Math.max(0, answer.readInt16BE(portAt + 4));
    }
  }
}

/** Calls back with each whole frame, its length included. */
function onFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let received = Buffer.alloc(0);
  socket.on('data', (bytes) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
    while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
      const length = 4 + received.readInt32BE(0);
      const frame = Buffer.from(received.subarray(0, length));
      received = received.subarray(length);
      if (!socket.destroyed) take(frame);
    }
  });
}
