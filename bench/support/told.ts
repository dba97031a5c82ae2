import { createInterface } from 'node:readline';

// The other end of `Program`: how a program of ours talks to the bench.

export function say(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Tells ten times a second how many records were processed, with the CPU time of this process. */
export function tellProgress(processed: () => number): void {
  setInterval(() => {
    const { user, system } = process.cpuUsage();
    say({ processed: processed(), cpu: user + system, heap: process.memoryUsage.rss() });
  }, 100).unref();
}

/** Hears lines of the bench, and resolves when it has closed our standard input. */
export async function untilTold(hear: (line: Readonly<Record<string, unknown>>) => void = () => undefined): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) hear(JSON.parse(line) as Record<string, unknown>);
}
