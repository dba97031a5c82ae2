import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How a process does. */
export interface VitalSigns {
  /** Longest time since the last look that the event loop did not turn, milliseconds. */
  readonly stalledMs: number;
  readonly rssBytes: number;
}

/** Looks at this process. */
export function watchVitalSigns(): () => VitalSigns {
  const loop = monitorEventLoopDelay({ resolution: 10 });
  loop.enable();
  return () => {
    const stalledMs = Math.round(loop.max / 1e6);
    loop.reset();
    return { stalledMs, rssBytes: process.memoryUsage.rss() };
  };
}
