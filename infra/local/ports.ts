import { createServer, type AddressInfo } from 'node:net';
import { FreshetError } from '../../runtime/errors.ts';

const host = '127.0.0.1';

/** A port that something of ours is going to listen on; 0 is any free one. */
export interface NeededPort {
  readonly port: number;
  /** In words, for whoever reads that the port is taken. */
  readonly what: string;
  /** The environment variable that chooses another. */
  readonly setting: string;
}

/** Throws PORT_BUSY for the first of them on which something listens already. */
export async function assertAllFree(needed: readonly NeededPort[]): Promise<void> {
  for (const { port, what, setting } of needed) if (port !== 0) await assertFree(port, what, setting);
}

/** Throws PORT_BUSY, naming the port and the setting that chooses another, when something listens there. */
export async function assertFree(port: number, what: string, setting: string): Promise<void> {
  try {
    await (await listen(port)).close();
  } catch (cause) {
    const message = `port ${port} for ${what} is taken by another program: end it, or choose another port with ${setting}`;
    throw new FreshetError('PORT_BUSY', message, { cause });
  }
}

/** Ports below those that systems give to outgoing connections: one that its owner leaves for a moment is still free when he comes back. */
const [LOWEST, HIGHEST] = [15_000, 32_000];
const TRIES = 100;

/** That many different ports on which nothing listens at the moment, and which no outgoing connection is given. */
export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, () => listenAnywhere()));
  await Promise.all(held.map((each) => each.close()));
  return held.map(({ port }) => port);
}

async function listenAnywhere(): ReturnType<typeof listen> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    const held = await listen(port).catch(() => undefined);
    if (held !== undefined) return held;
  }
  return await listen(0);
}

async function listen(port: number): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ port, host, exclusive: true }, resolve));
  const close = (): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, close };
}
