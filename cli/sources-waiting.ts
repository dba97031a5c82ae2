import type { Waiting } from '../services/views.ts';
import { askConsole } from './demo-control.ts';
import type { Settings } from './settings.ts';
import { waiterInWords } from './terminal.ts';

/** Prints who waits for which source, as the read side of the process that runs on this machine tells it. */
export async function printWaiting(settings: Pick<Settings, 'ports' | 'consoleUrl'>): Promise<void> {
  const waiting = await askConsole<readonly Waiting[]>(settings, '/api/waiting');
  if (waiting.length === 0) process.stdout.write('Nobody waits for a source.\n');
  const width = Math.max(0, ...waiting.map(({ source }) => source.length));
  for (const each of waiting) process.stdout.write(`${each.source.padEnd(width)}  ${waiterInWords(each)}\n`);
}
