import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { FreshetError } from '../../runtime/errors.ts';
import { withLock } from '../lock.mjs';
import { projectRoot } from './settings.ts';

/** What a local cluster is made of: a Java that can run it, the broker's class path, the registry's folder, and where caches go. */
export interface Tools {
  readonly java: string;
  readonly javaVersion: string;
  readonly kafkaClassPath: string;
  readonly registryJar: string;
  readonly cache: string;
}

const pom = join(import.meta.dirname, 'pom.xml');
const ownClusterHint = 'or use a cluster of your own: set KAFKA_BROKERS and SCHEMA_REGISTRY_URL';

/**
 * Finds Java, and resolves broker and registry with Maven unless they are in the project's cache already. One process at a
 * time resolves, and only a complete result becomes visible. Throws MISSING_TOOL with one line that says what to install.
 */
export async function localTools(log: (line: string) => void, signal?: AbortSignal): Promise<Tools> {
  const java = findJava();
  const cache = join(projectRoot, '.cache');
  const target = join(cache, `local-${createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 8)}`);
  if (!existsSync(target)) {
    const onWait = (pid: number): void => log(`waiting for process ${pid}, which downloads Kafka and the schema registry`);
    await withLock(join(cache, 'local.lock'), onWait, async () => {
      if (!existsSync(target)) await resolveWithMaven(target, log, signal);
    });
  }
  const jar = readdirSync(join(target, 'registry')).find((file) => file.endsWith('-runner.jar')) ?? '';
  return { ...java, kafkaClassPath: join(target, 'kafka', '*'), registryJar: join(target, 'registry', jar), cache: target };
}

/** The major version in the answer of `java -version`; undefined when it is no such answer. */
export function javaMajor(answer: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(answer) ?? [];
  return first === undefined ? undefined : Number(first === '1' ? second : first);
}

function findJava(): { java: string; javaVersion: string } {
  const home = process.env['JAVA_HOME'];
  const java = home ? join(home, 'bin', 'java') : 'java';
  const answer = spawnSync(java, ['-version'], { encoding: 'utf8' });
  const javaVersion = answer.error === undefined ? answer.stderr : '';
  const major = javaMajor(javaVersion);
  if (major !== undefined && major >= 17) return { java, javaVersion };
  const found = major === undefined ? 'was not found' : `is ${major}`;
  throw new FreshetError(
    'MISSING_TOOL',
    `Java 17 or later is needed, ${java} ${found}: install it (a JRE will do), ${ownClusterHint}`,
  );
}

async function resolveWithMaven(target: string, log: (line: string) => void, signal?: AbortSignal): Promise<void> {
  if (spawnSync('mvn', ['--version']).status !== 0) {
    throw new FreshetError(
      'MISSING_TOOL',
      `Maven is needed to download Kafka and the schema registry, mvn was not found: install it, ${ownClusterHint}`,
    );
  }
  const partial = `${target}.partial`;
  rmSync(partial, { recursive: true, force: true });
  log('downloading Kafka and the schema registry with Maven (once; 160 MB)');
  const started = Date.now();
  const seconds = (): number => Math.round((Date.now() - started) / 1000);
  let files = 0;
  const problems: string[] = [];
  const ticking = setInterval(() => log(`downloading Kafka and the schema registry: ${files} files, ${seconds()} s`), 5000);
  try {
    const args = ['--batch-mode', '--file', pom, `-Dtarget=${partial}`, 'process-resources'];
    const maven = spawn('mvn', args, { stdio: ['ignore', 'pipe', 'pipe'], ...(signal === undefined ? {} : { signal }) });
    createInterface({ input: maven.stdout }).on('line', (line) => {
      if (line.includes('Downloaded from')) files += 1;
      if (line.includes('ERROR')) problems.push(line.replace(/^.*?ERROR\S*\s*/, ''));
    });
    createInterface({ input: maven.stderr }).on('line', (line) => problems.push(line));
    const code = await new Promise((resolve, reject) => maven.on('error', reject).on('close', resolve));
    if (code !== 0) {
      const why = problems[0] ?? `it ended with ${String(code)}`;
      throw new FreshetError('MISSING_TOOL', `Maven could not download Kafka and the schema registry: ${why}`, {
        retryable: true,
      });
    }
  } finally {
    clearInterval(ticking);
  }
  renameSync(partial, target);
  log(`Kafka and the schema registry downloaded in ${seconds()} s`);
}
