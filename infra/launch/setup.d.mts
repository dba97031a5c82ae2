interface LockedPackage {
  readonly version?: string;
  readonly optional?: boolean;
}

/** Whether every package of the lock file stands in npm's record of what it installed, in that version; optional ones may be absent. */
export function isInstalled(
  wanted: Readonly<Record<string, LockedPackage>>,
  installed: Readonly<Record<string, LockedPackage>>,
): boolean;

/** The Node to run on: the bundled one, else the running one when it is 24 or later, else none. */
export function chooseNode(found: {
  readonly bundled: string | undefined;
  readonly running: { readonly path: string; readonly version: string };
}): string | undefined;

/** The Node that came with the packages, when it runs on this machine. */
export function bundledNode(root: string): string | undefined;

/** Runs `npm ci` when the packages are absent or not those of the lock file; one process at a time. */
export function ensurePackages(root: string, say: (line: string) => void): Promise<void>;
