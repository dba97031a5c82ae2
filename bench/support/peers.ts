import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { projectRoot } from '../../infra/local/settings.ts';
import { Program } from './program.ts';

const folder = join(projectRoot, 'bench', 'peers', 'kafka-streams');

/** The class path of the Kafka Streams programs, built with Maven when their sources have changed. */
export function kafkaStreamsClassPath(): string {
  const sources = globSync(['pom.xml', 'src/**/*.java'], { cwd: folder }).sort();
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(join(folder, source)));
  const target = join(projectRoot, '.cache', `kafka-streams-${hash.digest('hex').slice(0, 8)}`);
  const classPath = [join(target, 'classes'), join(target, 'jars', '*')].join(delimiter);
  if (existsSync(join(target, 'jars'))) return classPath;
  const args = ['-q', '--batch-mode', '-f', join(folder, 'pom.xml'), `-Dtarget=${target}`, 'compile'];
  const { status, stdout } = spawnSync('mvn', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Maven could not build the Kafka Streams programs: ${stdout.slice(-2000)}`);
  return classPath;
}

/** Runs a Kafka Streams program of ours with these settings; it tells its progress as ours do. */
export function kafkaStreams(
  program: 'Aggregate' | 'Hop' | 'RestorePeer',
  settings: Readonly<Record<string, string | number>>,
): Program {
  const java = process.env['JAVA_HOME'] ? join(process.env['JAVA_HOME'], 'bin', 'java') : 'java';
  const heap = ['-Xms1g', '-Xmx2g', '-XX:+UseParallelGC'];
  const args = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return new Program('Kafka Streams', java, [...heap, '-cp', kafkaStreamsClassPath(), `freshet.bench.${program}`, ...args]);
}
