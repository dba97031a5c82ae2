import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Kafka } from '../runtime/kafka/contract.ts';
import { header } from '../runtime/record.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { formatDuration } from '../schemas/duration.ts';
import { isJsonObject } from '../schemas/segment-message.ts';
import { prefixedNames } from '../runtime/environment.ts';
import { rawTopic, topics } from '../schemas/topics.ts';
import { loadWorkspace, type Workspace } from '../workspace/load.ts';
import { connect } from './cluster.ts';
import { type Reader, usersOf, wordsOf } from './field-users.ts';
import { jsonLog } from './log.ts';
import { scanTopic } from './scan.ts';
import type { Settings } from './settings.ts';
import type { WorkspaceChoice } from './validate.ts';

/** What the records of a source take up: bytes as they lie in Kafka before compression, by field, over a time. */
export class Sizes {
  records = 0;
  bytes = 0;
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  readonly fields = new Map<string, number>();

  add(value: Buffer, at: number): void {
    this.records += 1;
    this.bytes += value.length;
    this.first = Math.min(this.first, at);
    this.last = Math.max(this.last, at);
    let record: unknown;
    try {
      record = JSON.parse(value.toString('utf8'));
    } catch {
      return;
    }
    if (isJsonObject(record)) this.#fields(record, '');
  }

  /** Bytes a day, as the time seen has it; of less than an hour as if it had been one. */
  perDay(bytes: number): number {
    return (bytes * 86_400_000) / Math.max(3_600_000, this.last - this.first);
  }

  /** Objects in the record count by what is in them. */
  #fields(object: Readonly<Record<string, unknown>>, path: string): void {
    for (const [name, value] of Object.entries(object)) {
      if (path === '' && isJsonObject(value)) this.#fields(value, `${name}.`);
      else {
        const bytes = Buffer.byteLength(JSON.stringify(name)) + Buffer.byteLength(JSON.stringify(value) ?? '') + 2;
        this.fields.set(path + name, (this.fields.get(path + name) ?? 0) + bytes);
      }
    }
  }
}

/** Prints for each source what it costs and who uses what of it; reads all raw records that are retained. */
export async function printCost({
  workspace: dir,
  profile,
  settings,
}: WorkspaceChoice & { readonly settings: Settings }): Promise<void> {
  const workspace = await loadWorkspace(dir, process.env, profile === undefined ? {} : { profile });
  const log = jsonLog(() => undefined);
  const say = (): void => undefined;
  const connection = await connect(settings, { clientId: 'freshet-sources', log, say, embedded: 'find' });
  try {
    const sizes = await measure(connection.kafka, workspace.sources, settings.prefix);
    const readers = await readersOf(dir, workspace);
    const declared = workspace.sources.flatMap(({ transform }) =>
      (transform ?? []).flatMap((rule) => Object.keys(rule.identifiers)),
    );
    const known = new Set([...declared, 'email', 'phone', 'user_id', 'anonymous_id', 'device_id', 'id']);
    for (const source of workspace.sources)
      for (const line of costOf(source, sizes.get(source.name), readers, known)) process.stdout.write(`${line}\n`);
  } finally {
    await connection.close();
  }
}

/** The lines of one source. */
export function costOf(
  source: SourceConfig,
  sizes: Sizes | undefined,
  readers: readonly Reader[],
  kinds: ReadonlySet<string>,
): readonly string[] {
  const keep = source.keepMs === undefined ? 'kept as usual' : `kept for ${formatDuration(source.keepMs)}`;
  const head = `${source.name} (${source.owner}), ${keep}`;
  if (sizes === undefined || sizes.records === 0) return [`${head}: no raw records`, ''];
  const rows = [...sizes.fields]
    .sort(([, a], [, b]) => b - a)
    .map(([field, bytes]) => ({ field, bytes, users: usersOf(field, source, readers, kinds) }));
  const unused = rows.filter(({ users }) => users.length === 0);
  const width = Math.max(...rows.map(({ field }) => field.length), 0);
  // What is loaded once has no day.
  const isLive = source.mode === 'live';
  const told = (bytes: number): string => size(isLive ? sizes.perDay(bytes) : bytes);
  const idle = unused.reduce((sum, { bytes }) => sum + bytes, 0);
  return [
    `${head}: ${told(sizes.bytes)} ${isLive ? 'a day' : 'in all'}, ${sizes.records} records seen over ${formatDuration(Math.max(1000, Math.round((sizes.last - sizes.first) / 1000) * 1000))}`,
    ...rows.map(
      ({ field, bytes, users }) =>
        `  ${field.padEnd(width)}  ${told(bytes).padStart(9)}  ${users.length === 0 ? 'unused' : users.join(', ')}`,
    ),
    unused.length === 0
      ? '  every field is used'
      : `  unused: ${unused.map(({ field }) => field).join(', ')}: ${Math.round((100 * idle) / sizes.bytes)} % of the bytes`,
    '',
  ];
}

async function measure(kafka: Kafka, sources: readonly SourceConfig[], prefix: string): Promise<ReadonlyMap<string, Sizes>> {
  const names = prefixedNames(prefix);
  const all = new Map(sources.map(({ name }) => [name, new Sizes()]));
  const scan = (topic: string, source: string | undefined): Promise<void> =>
    scanTopic(kafka, names.topic(topic), ({ value, headers, timestamp }) => {
      if (value !== null) all.get(source ?? header(headers, 'source') ?? '')?.add(value, timestamp);
      return 'go on';
    });
  await scan(topics.eventsRaw.name, undefined);
  for (const { name, input } of sources) if (input.kind !== 'endpoint') await scan(rawTopic(name).name, name);
  return all;
}

/** Every file that asks for facts; what a segment's own tests say is not asked for. */
async function readersOf(dir: string, { templates, templatesDir, fraud }: Workspace): Promise<readonly Reader[]> {
  const files = async (folder: string): Promise<readonly unknown[]> => {
    const names = (await readdir(join(dir, folder)).catch(() => [])).filter((name) => /\.ya?ml$/.test(name));
    return await Promise.all(names.map(async (name) => parse(await readFile(join(dir, folder, name), 'utf8')) as unknown));
  };
  const one = (kind: string, data: unknown, of: (data: Readonly<Record<string, unknown>>) => unknown): Reader[] => {
    const name = isJsonObject(data) ? data[kind] : undefined;
    return isJsonObject(data) && typeof name === 'string' ? [{ name: `${kind} ${name}`, words: wordsOf(of(data)) }] : [];
  };
  const segments = (await files('segments')).flatMap((data) => one('segment', data, ({ when }) => when));
  const activations = (await files('activations')).flatMap((data) =>
    one('activation', data, ({ data: traits, address }) => [traits, address]),
  );
  const tables = (await files('sources')).flatMap((data) => one('source', data, ({ table }) => table));
  const texts = await Promise.all(
    templates.map(async (name): Promise<Reader> => {
      const text = await readFile(join(templatesDir, `${name}.mjml`), 'utf8').catch(() =>
        readFile(join(templatesDir, `${name}.liquid`), 'utf8'),
      );
      const variables = [...text.matchAll(/\{[{%]([^}]*)[}%]\}/g)].map(([, inside]) => inside);
      return { name: `template ${name}`, words: wordsOf(variables) };
    }),
  );
  return [
    ...segments,
    ...activations,
    ...texts,
    ...tables.filter(({ words }) => words.size > 1),
    { name: 'fraud', words: wordsOf(fraud) },
  ];
}

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** step;
  return `${value < 10 && step > 0 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}
