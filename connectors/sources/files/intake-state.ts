import type { Kafka } from '../../../runtime/kafka/contract.ts';
import type { ProduceRecord } from '../../../runtime/record.ts';
import { hashId } from '../../../schemas/keys.ts';
import { readKept, stateTopic } from '../kept-state.ts';
import type { Place } from './lines.ts';

/** A file as it was seen; `modified` in epoch milliseconds by the clock of the folder. */
export interface SeenFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly modified: number;
}

/** A file by name and content: with the same content it is the same, however often it is put there. */
export interface KnownFile extends SeenFile {
  /** SHA-256, hex. */
  readonly digest: string;
}

/** How far a file has been read: what lies before `next` is in Kafka. */
export interface UnderWay extends KnownFile {
  readonly next: Place;
  /** Of a csv file whose header has been read. */
  readonly columns: readonly string[] | null;
  readonly rows: number;
  readonly rejected: number;
  /** The newest of its rows, epoch milliseconds; null: none yet. */
  readonly asOf: number | null;
}

/** A file that has been read to its end. */
export interface Finished extends KnownFile {
  readonly rows: number;
  readonly rejected: number;
  /** Broker time, epoch milliseconds. */
  readonly at: number;
}

/** Of each source the file under way and those that are finished, in the transactions of the rows. */
export const filesTopic = stateTopic(
  'sources.files',
  'source, or source/id of a finished file',
  'How far the files of each source have been read, and which are finished; see connectors/sources/files.',
);

/** By which a finished file is known again. */
export function fileId(source: string, { name, digest }: Pick<KnownFile, 'name' | 'digest'>): string {
  return hashId(source, name, digest);
}

/** Says how far the file under way is; null: none is. */
export function underWayRecord(source: string, state: UnderWay | null): ProduceRecord {
  return { key: Buffer.from(source), value: state === null ? null : Buffer.from(JSON.stringify(state)) };
}

/** Says that a file is finished, or, with null, forgets it. */
export function finishedRecord(source: string, id: string, file: Finished | null): ProduceRecord {
  return { key: Buffer.from(`${source}/${id}`), value: file === null ? null : Buffer.from(JSON.stringify(file)) };
}

export interface IntakeState {
  underWay: UnderWay | undefined;
  /** By id, the oldest first. */
  readonly finished: Map<string, Finished>;
}

/** What was committed last. To be asked for once earlier owners are fenced; `topic` is the physical name. */
export async function readIntake(kafka: Kafka, topic: string, partitions: number, source: string): Promise<IntakeState> {
  const found = await readKept(kafka, topic, partitions, source);
  const own = found.get(source);
  const before = `${source}/`;
  const finished = [...found]
    .flatMap(([key, value]) =>
      key.startsWith(before) ? [[key.slice(before.length), JSON.parse(value.toString('utf8')) as Finished] as const] : [],
    )
    .sort(([, a], [, b]) => a.at - b.at);
  return {
    underWay: own === undefined ? undefined : (JSON.parse(own.toString('utf8')) as UnderWay),
    finished: new Map(finished),
  };
}
