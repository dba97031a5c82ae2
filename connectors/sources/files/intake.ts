import { join } from 'node:path';
import { FreshetError } from '../../../runtime/errors.ts';
import type { TransactionalProducer } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import type { SourceConfig } from '../../../schemas/config.ts';
import { oneEach } from '../one-each.ts';
import { codeOf, digestOf, filesIn, isSame, moveTo, seenAs, settling } from './inbox.ts';
import type { IntakeOptions } from './intake-options.ts';
import {
  fileId,
  filesTopic,
  type IntakeState,
  type KnownFile,
  readIntake,
  type SeenFile,
  underWayRecord,
} from './intake-state.ts';
import { takeFile } from './take-file.ts';

/** The listing of the folder is asked for, since nothing is announced of what is mounted from elsewhere. */
const LOOK_EVERY_MS = 2000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Takes in what is put into the folder of a source until the signal: files that are whole, in the order of their names. A file of the same
 * name and content is taken once, wherever it is interrupted. What fails, of Kafka or of the folder, is tried again later and later.
 */
export async function takeIn(options: IntakeOptions): Promise<void> {
  const { source, kafka, names, partitions, log, signal, wait, random = Math.random } = options;
  for (let failed = 0; !signal.aborted;) {
    const producer = kafka.transactionalProducer(names.group(`files-${source.name}`));
    try {
      await producer.init(signal);
      const inbox = new Inbox(options, producer, await readIntake(kafka, names.topic(filesTopic.name), partitions, source.name));
      while (!signal.aborted) {
        await inbox.look();
        failed = 0;
        if (!signal.aborted) await wait(LOOK_EVERY_MS, signal);
      }
    } catch (error) {
      if (signal.aborted) break;
      failed += 1;
      const retryMs = Math.round(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failed - 1)) * (0.5 + random() / 2));
      const why = error instanceof FreshetError ? error.message : codeOf(error);
      log('warn', 'the files of a source cannot be taken in now', {
        source: source.name,
        folder: options.folder,
        why,
        failed,
        retryMs,
      });
      await wait(retryMs, signal);
    } finally {
      await producer.close();
    }
  }
}

/** The folder of a source, of which this process is the only reader. */
class Inbox {
  readonly #options: IntakeOptions;
  readonly #producer: TransactionalProducer;
  readonly #state: IntakeState;
  readonly #whole: ReturnType<typeof settling>;
  /** Files that have been dealt with and have to stay where they are, by name. */
  #staying = new Map<string, SeenFile>();
  /** The last finished file of each name: it may still have to be moved. */
  readonly #done = new Map<string, KnownFile>();

  constructor(options: IntakeOptions, producer: TransactionalProducer, state: IntakeState) {
    this.#options = options;
    this.#producer = producer;
    this.#state = state;
    this.#whole = settling(options.files.settleMs);
    for (const file of state.finished.values()) this.#done.set(file.name, file);
  }

  /** Looks once, and takes in what is whole. */
  async look(): Promise<void> {
    const { folder, files, metrics, source, signal, monotonic } = this.#options;
    const found = await filesIn(folder, files);
    await this.#goOn(found);
    const open = found.filter((file) => !this.#isStaying(file));
    this.#staying = new Map([...this.#staying].filter(([name]) => found.some((file) => file.name === name)));
    metrics.waiting(source.name, open.length);
    for (const file of this.#whole(open, monotonic())) {
      if (signal.aborted) return;
      const now = await seenAs(folder, file.name);
      if (now !== undefined && isSame(now, file)) await this.#take(file);
    }
  }

  #isStaying(file: SeenFile): boolean {
    const staying = this.#staying.get(file.name);
    return staying !== undefined && isSame(staying, file);
  }

  /** The file in whose middle somebody was interrupted comes first. */
  async #goOn(found: readonly SeenFile[]): Promise<void> {
    const { source, folder, log, metrics, signal } = this.#options;
    const { underWay } = this.#state;
    if (underWay === undefined) return;
    const file = found.find(({ name }) => name === underWay.name);
    const digest = file?.size === underWay.size ? await digestOf(join(folder, file.name), file.size, signal) : undefined;
    if (file !== undefined && digest === underWay.digest) return await this.#read({ ...file, digest });
    const { names, partitions } = this.#options;
    const at = { topic: names.topic(filesTopic.name), partition: partitionFor(source.name, partitions) };
    await this.#producer.transact([{ ...at, records: [underWayRecord(source.name, null)] }]);
    this.#state.underWay = undefined;
    metrics.file(source.name, 'lost');
    const { name, next, rows } = underWay;
    const what = 'a file was taken away or changed while it was being read: what was read of it stays, and its batch has no end';
    log('error', what, { source: source.name, file: name, row: next.line, rows });
  }

  async #take(file: SeenFile): Promise<void> {
    const { source, folder, signal, metrics, log } = this.#options;
    const done = this.#done.get(file.name);
    if (done !== undefined && isSame(done, file)) return await this.#move(done, 'done');
    const known = { ...file, digest: await digestOf(join(folder, file.name), file.size, signal) };
    if (!this.#state.finished.has(fileId(source.name, known))) return await this.#read(known);
    log('info', 'a file is there again that has been read: nothing of it is new', { source: source.name, file: file.name });
    metrics.file(source.name, 'repeated');
    await this.#move(known, 'done');
  }

  async #read(file: KnownFile): Promise<void> {
    const { source, metrics, log } = this.#options;
    const about = { source: source.name, file: file.name };
    log('info', 'a file is being read', { ...about, bytes: file.size, row: this.#state.underWay?.next.line ?? 1 });
    const taken = await takeFile(this.#options, this.#producer, this.#state, file);
    if (taken.kind === 'stopped') return;
    if (taken.kind === 'broken') {
      log('error', 'a file cannot be used, and nothing of it was taken in', { ...about, why: taken.reason });
      metrics.file(source.name, 'failed');
      return await this.#move(file, 'failed');
    }
    const { rows, rejected } = taken.file;
    log(rejected > 0 ? 'warn' : 'info', 'a file has been read', { ...about, rows, rejected });
    this.#done.set(file.name, file);
    metrics.file(source.name, 'done');
    await this.#move(file, 'done');
  }

  async #move(file: KnownFile, to: 'done' | 'failed'): Promise<void> {
    const { source, folder, log } = this.#options;
    const fault = await moveTo(folder, to, file);
    if (fault === undefined || fault === 'ENOENT') return;
    this.#staying.set(file.name, file);
    log('warn', 'a file that has been dealt with cannot be moved and stays where it is', {
      source: source.name,
      file: file.name,
      to,
      fault,
    });
  }
}

export interface IntakesOptions extends Omit<IntakeOptions, 'source' | 'files' | 'folder' | 'signal'> {
  readonly sources: readonly SourceConfig[];
  /** Where a folder that is declared lies, from the root. */
  readonly folderOf: (declared: string) => string;
}

/** Takes in the files of all sources that the group gives to this process: the folder of each is read by one process at a time. */
export async function startIntakes({ sources, folderOf, ...options }: IntakesOptions): Promise<{ stop(): Promise<void> }> {
  const fed = sources.flatMap((source) => (source.input.kind === 'files' ? [{ source, files: source.input.files }] : []));
  return await oneEach({
    kafka: options.kafka,
    group: options.names.group('files'),
    topic: options.names.topic(filesTopic.name),
    count: fed.length,
    run: async (index, signal) => {
      const each = fed[index];
      if (each !== undefined) await takeIn({ ...options, ...each, folder: folderOf(each.files.folder), signal });
    },
  });
}
