import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { projectRoot } from './local/settings.ts';

// What `npm test` and its like call: runs the named tiers one after the other and ends with a line that sums what passed and failed.

interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** Place, name and first line of the message of each that failed. */
  readonly failures: readonly string[];
}

/** Of jest's report: files that did not load have no failed test of their own. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
      /** Of earlier tries; set where a tier allows them. */
      readonly retryReasons?: readonly string[];
    }[];
  }[];
}

/** Tiers whose files share a cluster or load the machine run one file at a time. */
const inBand = ['broker', 'start', 'chaos', 'real'];
/** Tiers whose files wait more than they work, and have clusters of their own: two at a time, on any machine. */
const inPairs = ['faults'];

const tallies: Tally[] = [];
for (const tier of process.argv.slice(2)) tallies.push(await runTier(tier));
const sum = (of: 'passed' | 'failed'): number => tallies.reduce((all, tally) => all + tally[of], 0);
const total = { passed: sum('passed'), failed: sum('failed') };
for (const failure of tallies.flatMap(({ failures }) => failures)) say(`failed: ${failure}`);
say(describe(total));
process.exitCode = total.failed === 0 ? 0 : 1;

async function runTier(tier: string): Promise<Tally> {
  if (tier !== 'unit' && globSync(`tests/${tier}/**/*.test.ts`, { cwd: projectRoot }).length === 0) {
    say(`${tier}: no tests exist`);
    return { passed: 0, failed: 0, failures: [] };
  }
  if (tier === 'real' && !provideRealData()) return { passed: 0, failed: 1, failures: ['real: no data'] };
  const folder = mkdtempSync(join(tmpdir(), 'freshet-tier-'));
  const started = Date.now();
  try {
    const tally = await runJest(tier, folder);
    say(`${tier}: ${describe(tally)} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    return tally;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Jest tells its story on standard error; its standard output would only name the report. No report at all is a failure, and so is
 * each violation that a test has written down, also one that passed when tried again.
 */
async function runJest(tier: string, folder: string): Promise<Tally> {
  const [report, violations] = [join(folder, 'report.json'), join(folder, 'violations')];
  const jest = [
    '--experimental-vm-modules',
    join(projectRoot, 'node_modules', 'jest', 'bin', 'jest.js'),
    '--selectProjects',
    tier,
  ];
  const args = [
    ...process.execArgv,
    ...jest,
    '--json',
    '--outputFile',
    report,
    ...(inBand.includes(tier) ? ['--runInBand'] : []),
    ...(inPairs.includes(tier) ? ['--maxWorkers=2'] : []),
  ];
  const env = { ...process.env, FRESHET_VIOLATIONS: violations };
  const child = spawn(process.execPath, args, { cwd: projectRoot, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.once('SIGTERM', passOn).once('SIGHUP', passOn);
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve));
  process.off('SIGTERM', passOn).off('SIGHUP', passOn);
  if (!existsSync(report)) return { passed: 0, failed: 1, failures: [`${tier}: no report`] };
  const told = JSON.parse(readFileSync(report, 'utf8')) as Report;
  const violated = existsSync(violations) ? readFileSync(violations, 'utf8').trimEnd().split('\n') : [];
  const failed = told.numFailedTests + told.numRuntimeErrorTestSuites + violated.length;
  for (const line of shakyOf(told)) say(`passed when tried again: ${line}`);
  return {
    passed: told.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    failures: [...failuresOf(told), ...violated.map((line) => `${tier}: ${line}`)],
  };
}

function failuresOf({ testResults }: Report): readonly string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(projectRoot, name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [`${file}: ${firstLine(message)}`] : [];
    return failed.map(({ fullName, failureMessages }) => `${file} › ${fullName}: ${firstLine(failureMessages[0] ?? '')}`);
  });
}

/** What passed, but not at once: to be mended all the same. */
function shakyOf({ testResults }: Report): readonly string[] {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap(({ fullName, status, retryReasons = [] }) => {
      const [reason] = retryReasons;
      return status === 'passed' && reason !== undefined
        ? [`${relative(projectRoot, name)} › ${fullName}: ${firstLine(reason)}`]
        : [];
    }),
  );
}

/** First line that says something, without colours. */
function firstLine(message: string): string {
  const lines = stripVTControlCharacters(message).split('\n');
  return lines.map((line) => line.trim()).find((line) => line !== '' && !line.startsWith('●')) ?? '';
}

/** Tells the tests of the real tier by FRESHET_REAL_DATA where the real data lie; false, with a line, when they are not there. */
function provideRealData(): boolean {
  const data = process.env['FRESHET_REAL_DATA'] ?? join(projectRoot, '..', 'shared', 'data');
  process.env['FRESHET_REAL_DATA'] = data;
  if (!existsSync(data)) say(`real: there are no data at ${data}; FRESHET_REAL_DATA names another folder`);
  return existsSync(data);
}

function describe({ passed, failed }: Pick<Tally, 'passed' | 'failed'>): string {
  return `${passed} passed, ${failed} failed`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
