import { basename } from 'node:path';
import { framesOf } from '../connectors/sources/files/frames.ts';
import { rowsOf } from '../connectors/sources/files/rows.ts';
import { FreshetError } from '../runtime/errors.ts';
import type { ProduceRecord } from '../runtime/record.ts';
import type { FileFormat, SourceConfig } from '../schemas/config.ts';
import { rawTopic, topics } from '../schemas/topics.ts';

/** A record of a file as it would lie on the raw topic of its source. */
export interface FileRecord {
  readonly topic: string;
  readonly record: ProduceRecord;
}

const calls: FileFormat = { format: 'ndjson', delimiter: ',', groupBy: null, dropDuplicateRows: false, time: 'null' };

/**
 * The source that files belong to: the one named, or the first that takes calls of the Segment specification. CONFIG_INVALID when there
 * is none.
 */
export function sourceOfFiles(sources: readonly SourceConfig[], name: string | undefined): SourceConfig {
  const source = sources.find((each) =>
    name === undefined ? each.input.kind === 'endpoint' && each.transform === null : each.name === name,
  );
  if (source !== undefined) return source;
  const known = sources.map((each) => each.name).join(', ');
  throw new FreshetError('CONFIG_INVALID', `Expected --source, one of this workspace: ${known}`);
}

/** The records of files: as a source of files frames them, else NDJSON, a call or record a line. `onDamage` hears of lines that are no use. */
export async function* recordsOfFiles(
  files: readonly string[],
  source: SourceConfig,
  onDamage: (where: string, reason: string) => void,
): AsyncGenerator<FileRecord> {
  const isEndpoint = source.input.kind === 'endpoint';
  const topic = isEndpoint ? topics.eventsRaw.name : rawTopic(source.name).name;
  const headers = { source: Buffer.from(source.name) };
  for (const path of files) {
    if (source.input.kind === 'file') {
      const framing = { source: source.name, file: source.input.file, timezone: source.timezone };
      for await (const { frames, damages } of framesOf(path, framing)) {
        for (const { file, line, reason } of damages) onDamage(`${file}:${line}`, reason);
        for (const { key, value, messageId } of frames) {
          const own = { ...headers, 'message-id': Buffer.from(messageId) };
          yield { topic, record: { key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)), headers: own } };
        }
      }
      continue;
    }
    for await (const rows of rowsOf(path, calls))
      for (const row of rows) {
        if ('damage' in row) onDamage(`${basename(path)}:${row.line}`, row.damage);
        else if ('record' in row) yield { topic, record: { key: null, value: Buffer.from(JSON.stringify(row.record)), headers } };
      }
  }
}
