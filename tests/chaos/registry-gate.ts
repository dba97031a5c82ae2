import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to the schema registry that can be shut: to whoever comes through it the registry is down then. */
export class RegistryGate {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #gate: { open: boolean };

  private constructor(server: Server, url: string, sockets: Set<Socket>, gate: { open: boolean }) {
    this.#server = server;
    this.url = url;
    this.#sockets = sockets;
    this.#gate = gate;
  }

  static async to(target: string): Promise<RegistryGate> {
    const { hostname, port, pathname } = new URL(target);
    const sockets = new Set<Socket>();
    const gate = { open: true };
    const server = createServer((inner) => {
      if (!gate.open) {
        inner.destroy();
        return;
      }
      const outer = connect(Number(port), hostname);
      for (const socket of [inner, outer]) {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          sockets.delete(socket);
          inner.destroy();
          outer.destroy();
        });
      }
      inner.pipe(outer).pipe(inner);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`;
    return new RegistryGate(server, url, sockets, gate);
  }

  shut(): void {
    this.#gate.open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  open(): void {
    this.#gate.open = true;
  }

  async close(): Promise<void> {
    this.shut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
