import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { onShutdown } from './shutdown.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
let before: Map<string, readonly NodeJS.SignalsListener[]>;
beforeEach(() => {
  before = new Map(SIGNALS.map((name) => [name, process.listeners(name)]));
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
  for (const name of SIGNALS) {
    for (const listener of process.listeners(name)) if (!before.get(name)?.includes(listener)) process.off(name, listener);
  }
});

describe('a shutdown', () => {
  it('stops once, and resolves when all is stopped, whatever comes twice at the same time', async () => {
    const said: string[] = [];
    let stops = 0;
    const exits: number[] = [];
    const stop = async (): Promise<void> => void (stops += 1);
    const ended = onShutdown({ stop, say: (line) => said.push(line), deadlineMs: 100, exit: (code) => exits.push(code) });
    process.emit('SIGINT', 'SIGINT');
    process.emit('SIGTERM', 'SIGTERM');
    await ended;
    jest.advanceTimersByTime(1000);
    expect([stops, exits, said]).toEqual([1, [], ['stopping …']]);
  });

  it('names what is not finished by the deadline, and ends with an error', () => {
    const said: string[] = [];
    const exits: number[] = [];
    const stop = (): Promise<void> => new Promise(() => undefined);
    const unfinished = (): string[] => ['customers-2', 'email'];
    void onShutdown({ stop, say: (line) => said.push(line), deadlineMs: 20_000, unfinished, exit: (code) => exits.push(code) });
    process.emit('SIGTERM', 'SIGTERM');
    jest.advanceTimersByTime(19_999);
    expect(exits).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(exits).toEqual([1]);
    expect(said.at(-1)).toMatch(/not finished within 20 s: customers-2, email;/);
  });

  it('is over at once with the second signal', () => {
    const exits: number[] = [];
    const stop = (): Promise<void> => new Promise(() => undefined);
    void onShutdown({ stop, say: () => undefined, deadlineMs: 20_000, exit: (code) => exits.push(code) });
    process.emit('SIGTERM', 'SIGTERM');
    jest.advanceTimersByTime(1500);
    process.emit('SIGTERM', 'SIGTERM');
    expect(exits).toEqual([130]);
  });
});
