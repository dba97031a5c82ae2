/** One Ctrl-C may come twice, from the terminal and handed on by npm; milliseconds. */
const SAME_SIGNAL_MS = 1000;

export interface ShutdownOptions {
  readonly stop: () => Promise<void>;
  readonly say: (line: string) => void;
  /** After this long the process ends, whatever is still under way. */
  readonly deadlineMs: number;
  /** Names of what is still under way. */
  readonly unfinished?: () => readonly string[];
  /** Ends the process; replaced by tests. */
  readonly exit?: (code: number) => void;
}

/**
 * Calls `stop` once on the first SIGINT or SIGTERM; one that comes a second later or more ends the process at once, with
 * code 130. Resolves when all is stopped. What takes longer than the deadline is named, and the process ends with code 1.
 */
export function onShutdown(options: ShutdownOptions): Promise<void> {
  const { stop, say, deadlineMs, unfinished = () => [], exit = (code) => process.exit(code) } = options;
  return new Promise((resolve) => {
    let first: number | undefined;
    const handle = (): void => {
      if (first !== undefined && performance.now() - first < SAME_SIGNAL_MS) return;
      if (first !== undefined) return exit(130);
      first = performance.now();
      say('stopping …');
      const late = setTimeout(() => {
        const left = unfinished().join(', ') || 'something';
        say(`not finished within ${deadlineMs / 1000} s: ${left}; what was not committed is done again by whoever comes next`);
        exit(1);
      }, deadlineMs);
      stop()
        .catch((error: unknown) => {
          say(`stopping failed: ${error instanceof Error ? error.message : String(error)}`);
          process.exitCode = 1;
        })
        .finally(() => {
          clearTimeout(late);
          resolve();
        });
    };
    process.on('SIGINT', handle).on('SIGTERM', handle);
  });
}
