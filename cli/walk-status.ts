import type { SourceStatus, Spread, Walk, WayTimes, WrongClock } from '../services/views.ts';
import { askConsole } from './demo-control.ts';
import type { Settings } from './settings.ts';
import { clockInWords } from './wrong-clocks.ts';

/** What `/api/walk` answers, as far as it is told here. */
export interface WalkAnswer extends Pick<Walk, 'perSecond'> {
  readonly times: WayTimes;
  readonly sources: readonly SourceStatus[];
  readonly clocks: readonly WrongClock[];
}

const seconds = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
const spread = ({ medianMs, p95Ms }: Spread): string => `half within ${seconds(medianMs)}, 95 % within ${seconds(p95Ms)}`;

/** How long the way takes, hop by hop with the slowest named, and how the sources are. */
export function walkLines({ times, sources, clocks, perSecond }: WalkAnswer): readonly string[] {
  const width = Math.max(
    0,
    ...[...times.hops.map(({ hop }) => hop), ...sources.map(({ source }) => source)].map((n) => n.length),
  );
  const message = times.message
    ? `from what happened to the message: ${spread(times.message)}, of the last ${times.message.count}`
    : 'no message has been handed over yet';
  return [
    `${Math.round(perSecond)} events a second`,
    message,
    ...times.hops.map(
      (each) => `  ${each.hop.padEnd(width)}  ${spread(each)}${each.hop === times.slowest ? '  <- the slowest' : ''}`,
    ),
    'sources',
    ...sources.map(({ source, status, since, watermark }) => {
      const seen = watermark === null ? 'nothing seen yet' : `seen up to ${new Date(watermark).toISOString()}`;
      const wrong = clocks.filter((each) => each.source === source).map((each) => `; ${clockInWords(each)}`);
      return `  ${source.padEnd(width)}  ${status} since ${new Date(since).toISOString()}, ${seen}${wrong.join('')}`;
    }),
  ];
}

/** Prints this of the process that runs on this machine. */
export async function printWalk(settings: Pick<Settings, 'ports' | 'consoleUrl'>): Promise<void> {
  const walk = await askConsole<WalkAnswer>(settings, '/api/walk');
  process.stdout.write(`${walkLines(walk).join('\n')}\n`);
}
