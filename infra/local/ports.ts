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

/** That many different ports on which nothing listens at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, () => listen(0)));
  await Promise.all(held.map((each) => each.close()));
  return held.map(({ port }) => port);
}

async function listen(port: number): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ port, host, exclusive: true }, resolve));
  const close = (): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, close };
}
