/** Tells a process from every other that had or will have its id; undefined when no such process lives. */
export function processIdentity(pid: number): string | undefined;

/** The living process that holds the lock file; undefined when there is none or its holder died. */
export function readHolder(path: string): { readonly pid: number; readonly identity: string } | undefined;

export type Lock = { readonly held: true; readonly release: () => void } | { readonly held: false; readonly by: number };

/** Takes the lock file for this process. A lock whose holder died without releasing it is taken over. */
export function tryLock(path: string): Lock;

/** Runs under the lock; `onWait` hears once which process is waited for. Other processes see the lock released whatever `run` does. */
export function withLock<T>(path: string, onWait: (pid: number) => void, run: () => T | Promise<T>): Promise<T>;
