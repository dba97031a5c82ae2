import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** How a registry may misbehave: not be there, take 5 s, answer 500, answer what is no answer. */
export type RegistryMood = 'well' | 'down' | 'slow' | 'broken' | 'garbage';

/** Something between us and the registry, whose mood is set from outside. */
export class RegistryProxy {
  mood: RegistryMood = 'well';
  /** Requests met in each mood. */
  readonly met = new Map<RegistryMood, number>();
  readonly #server: Server;
  readonly #target: URL;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => this.#answer(incoming, outgoing));
  }

  static async to(url: string): Promise<RegistryProxy> {
    const proxy = new RegistryProxy(new URL(url));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${this.#target.pathname}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { mood } = this;
    this.met.set(mood, (this.met.get(mood) ?? 0) + 1);
    if (mood === 'down') incoming.socket.destroy();
    else if (mood === 'broken') outgoing.writeHead(500, { 'content-type': 'application/json' }).end('{"error_code":50001}');
    else if (mood === 'garbage') outgoing.writeHead(200).end('<html>we will be back soon</html>');
    else void this.#passOn(incoming, outgoing, mood === 'slow' ? 5_000 : 0);
  }

  async #passOn(incoming: IncomingMessage, outgoing: ServerResponse, afterMs: number): Promise<void> {
    if (afterMs > 0) await delay(afterMs);
    const { hostname: host, port } = this.#target;
    const { url: path, method, headers } = incoming;
    const onward = request({ host, port, path, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }
}
