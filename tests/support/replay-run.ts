import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export interface ReplayRun {
  readonly files: readonly string[];
  readonly space: string;
  readonly dataDir: string;
  /** More arguments of `freshet replay`. */
  readonly args?: readonly string[];
  /** Told of every line of progress as it comes; may kill. */
  readonly onLine?: (line: string, kill: () => void) => void;
}

export interface ReplayResult {
  /** Null: killed. */
  readonly code: number | null;
  readonly summary: readonly string[];
  readonly lines: readonly string[];
}

/** Runs `freshet replay` of the example's retail-csv as a process of its own on the cluster of the tier; ends with the process. */
export async function runReplay({ files, space, dataDir, args = [], onLine }: ReplayRun): Promise<ReplayResult> {
  const given = ['replay', ...files, '--source', 'retail-csv', '--space', space, ...args];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'cli/main.ts'), ...given], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production', FRESHET_DATA_DIR: dataDir, FRESHET_SMTP_PORT: '0', FRESHET_CONSOLE_PORT: '0' },
  });
  const lines: string[] = [];
  let [out, rest] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const all = (rest + text).split('\n');
    rest = all.pop() ?? '';
    for (const line of all) {
      lines.push(line);
      onLine?.(line, () => void child.kill('SIGKILL'));
    }
  });
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { code, summary: out.split('\n').filter((line) => line !== ''), lines };
}
