import type { Kafka } from '../runtime/kafka/contract.ts';
import { header } from '../runtime/record.ts';
import type { SourceConfig } from '../schemas/config.ts';
import { formatDuration } from '../schemas/duration.ts';
import { isJsonObject } from '../schemas/segment-message.ts';
import { prefixedNames } from '../runtime/environment.ts';
import { createRawDecoder, type RawDecoder } from '../schemas/raw-decoder.ts';
import type { Registry } from '../schemas/registry/registry.ts';
import { rawTopic, topics } from '../schemas/topics.ts';
import { loadWorkspace, type Workspace } from '../workspace/load.ts';
import { connect } from './cluster.ts';
import { kindsOf, readersOf } from './field-readers.ts';
import { type Reader, usersOf } from './field-users.ts';
import { jsonLog } from './log.ts';
import { scanTopic, type Verdict } from './scan.ts';
import type { Settings } from './settings.ts';
import type { WorkspaceChoice } from './validate.ts';

/** What the records of a source take up: bytes as they lie in Kafka before compression, by field, over a time. */
export class Sizes {
  records = 0;
  /** Records in which no fields could be seen. */
  unread = 0;
  bytes = 0;
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  readonly fields = new Map<string, number>();

  /** `record`: what the bytes say; undefined where that could not be read. Of Avro each field has its share by its length as JSON. */
  add(bytes: number, at: number, record: unknown): void {
    this.records += 1;
    this.bytes += bytes;
    this.first = Math.min(this.first, at);
    this.last = Math.max(this.last, at);
    if (isJsonObject(record)) this.#fields(record, '', Math.min(1, bytes / Buffer.byteLength(JSON.stringify(record))));
    else this.unread += 1;
  }

  /** Bytes a day, as the time seen has it; of less than an hour as if it had been one. */
  perDay(bytes: number): number {
    return (bytes * 86_400_000) / Math.max(3_600_000, this.last - this.first);
  }

  /** Objects in the record count by what is in them. */
  #fields(object: Readonly<Record<string, unknown>>, path: string, share: number): void {
    for (const [name, value] of Object.entries(object)) {
      if (path === '' && isJsonObject(value) && Object.keys(value).length > 0) this.#fields(value, `${name}.`, share);
      else {
        const bytes = Buffer.byteLength(JSON.stringify(name)) + Buffer.byteLength(JSON.stringify(value) ?? '') + 2;
        this.fields.set(path + name, (this.fields.get(path + name) ?? 0) + bytes * share);
      }
    }
  }
}

/** What the cost is told of. */
export interface CostOptions {
  readonly workspace: Workspace;
  readonly kafka: Kafka;
  /** For the schemas of raw records in Avro. */
  readonly registry: Registry;
  readonly prefix: string;
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
    const { kafka, registry } = connection;
    const lines = await tellCost({ workspace, kafka, registry, prefix: settings.prefix });
    for (const line of lines) process.stdout.write(`${line}\n`);
  } finally {
    await connection.close();
  }
}

/** The lines of all sources of a workspace, by the raw records that its cluster retains. */
export async function tellCost({ workspace, kafka, registry, prefix }: CostOptions): Promise<readonly string[]> {
  const sizes = await measure(kafka, createRawDecoder({ registry }), workspace.sources, prefix);
  const readers = await readersOf(workspace);
  const kinds = kindsOf(workspace);
  return [
    ...workspace.sources.flatMap((source) => costOf(source, sizes.get(source.name), readers, kinds)),
    'Unused: by this workspace. What other consumers of its topics read is not known.',
  ];
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
    ...(sizes.unread === 0 ? [] : [`  of ${sizes.unread} records the fields are not known: they could not be read`]),
    unused.length > 0
      ? `  unused: ${unused.map(({ field }) => field).join(', ')}: ${Math.round((100 * idle) / sizes.bytes)} % of the bytes`
      : sizes.unread === 0
        ? '  every field is used'
        : `  whether every field is used is not known${rows.length === 0 ? '' : '; those that are known are'}`,
    '',
  ];
}

async function measure(
  kafka: Kafka,
  decoder: RawDecoder,
  sources: readonly SourceConfig[],
  prefix: string,
): Promise<ReadonlyMap<string, Sizes>> {
  const names = prefixedNames(prefix);
  const all = new Map(sources.map(({ name }) => [name, new Sizes()]));
  const scan = (topic: string, source: string | undefined): Promise<void> =>
    scanTopic(kafka, names.topic(topic), async ({ value, headers, timestamp }): Promise<Verdict> => {
      const sizes = all.get(source ?? header(headers, 'source') ?? '');
      if (value === null || sizes === undefined) return 'go on';
      await decoder.prepare(value);
      const decoded = decoder.decode(value);
      sizes.add(value.length, timestamp, decoded.kind === 'value' ? decoded.value : undefined);
      return 'go on';
    });
  await scan(topics.eventsRaw.name, undefined);
  for (const { name, input } of sources) if (input.kind !== 'endpoint') await scan(rawTopic(name).name, name);
  return all;
}

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** step;
  return `${value < 10 && step > 0 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}
