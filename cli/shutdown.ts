/** One Ctrl-C may come twice, from the terminal and handed on by npm; milliseconds. */
const SAME_SIGNAL_MS = 1000;

/** Calls `stop` once on the first SIGINT or SIGTERM; one that comes a second later or more ends the process at once. Returns a promise of the end. */
export function onShutdown(stop: () => Promise<void>, say: (line: string) => void): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const handle = (): void => {
      if (first !== undefined && performance.now() - first < SAME_SIGNAL_MS) return;
      if (first !== undefined) process.exit(130);
      first = performance.now();
      say('stopping …');
      stop().then(resolve, (error: unknown) => {
        say(`stopping failed: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
        resolve();
      });
    };
    process.on('SIGINT', handle);
    process.on('SIGTERM', handle);
  });
}
