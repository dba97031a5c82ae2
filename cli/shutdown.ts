/** Calls `stop` once on the first SIGINT or SIGTERM; a second signal ends the process at once. Returns a promise of the end. */
export function onShutdown(stop: () => Promise<void>, say: (line: string) => void): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false;
    const handle = (): void => {
      if (stopping) process.exit(130);
      stopping = true;
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
