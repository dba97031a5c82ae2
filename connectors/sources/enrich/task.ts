import type { PartitionStream } from '../../../runtime/kafka/contract.ts';
import { type RawRecord, tpKey } from '../../../runtime/record.ts';
import type { TaggedEvent } from '../../../schemas/generated/types.ts';
import { topics } from '../../../schemas/topics.ts';
import { Answers } from './answers.ts';
import { Asking, type Ended, type OnItsWay } from './asking.ts';
import { Bell } from './bell.ts';
import type { QuestionResult } from './metrics.ts';
import type { EnrichOptions } from './options.ts';
import { Outbox, type Place, type Teller } from './outbox.ts';
import { identifiersOf, questionReader } from './question.ts';
import { enrichmentsTopic, type EnrichState, readEnrichState } from './state.ts';
import { Window } from './window.ts';

interface Asked extends OnItsWay {
  readonly hash: string;
  /** Whoever asked the same meanwhile. */
  readonly by: (Teller & { readonly place: Place })[];
}

/** Records that may be taken in and not dealt with; then no more are taken in. */
const MOST_OPEN = 2000;
/** Customers of one answer of whom it is remembered that they have been told; beyond it some are told again, under the same id. */
const MOST_TOLD = 10_000;
const TICK_LOOK_MS = 100;
/** What is no longer fresh is forgotten in pages. */
const DROPPED_AT_ONCE = 500;

/**
 * Asks for one source, from take-over to the end. Answers, those that are kept, and how far the events have been read are one
 * transaction: whoever goes on after a crash asks what had not been answered, and nothing that is answered is told twice.
 */
export class EnrichTask {
  readonly #options: EnrichOptions;
  readonly #bell = new Bell();
  readonly #window = new Window();
  readonly #outbox: Outbox;
  readonly #answers: Answers;
  readonly #asked = new Map<string, Asked>();
  readonly #queue: Asked[] = [];
  /** Until when it is not asked for again what no answer was to be had for, by its opaque key. */
  readonly #putOff = new Map<string, number>();
  readonly #questionOf: ReturnType<typeof questionReader>;
  /** Given up last, while nothing has been answered since: it is put again until something is. */
  #unanswered: Asked | undefined;
  #asking: Asking;

  constructor(options: EnrichOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options);
    this.#answers = new Answers(options.enrich.freshForMs);
    this.#asking = new Asking(options);
    this.#questionOf = questionReader(options.source);
  }

  /** Resolves after the signal. Rejects on a fault: take over afresh, with a new task. */
  async run(): Promise<void> {
    const { kafka, names, source, enrich, signal, tick, wait } = this.#options;
    const failing = new AbortController();
    const ending = AbortSignal.any([signal, failing.signal]);
    const ring = (): void => this.#bell.ring();
    const producer = kafka.transactionalProducer(names.group(`enrich-${source.name}`));
    const reader = kafka.reader();
    ending.addEventListener('abort', ring);
    try {
      await producer.init(signal);
      // Before the time of the brokers is known nobody could say as of when an answer holds.
      while (!Number.isFinite(tick()) && !signal.aborted) await wait(TICK_LOOK_MS, signal);
      const open = { notify: ring, maxQueuedBytes: 1 << 20 };
      const streams = await this.#takeOver((at, offset) => reader.open(at, offset, open), ending);
      const commit = async (): Promise<void> => {
        const upTo = this.#known();
        const batches = this.#outbox.take((place) => this.#window.finish(place.partition, place.offset), this.#state);
        const isAll = this.#outbox.isEmpty;
        this.#bell.ring();
        await producer.transact(batches);
        if (isAll) this.#options.state(upTo - source.latenessMs);
      };
      const works = [
        this.#read(streams, ending),
        this.#commit(commit, ending),
        ...Array.from({ length: enrich.atOnce }, () => this.#askOn(ending)),
      ];
      const guarded = works.map(async (work) => {
        try {
          await work;
        } catch (error) {
          failing.abort(error);
          throw error;
        }
      });
      await Promise.allSettled(guarded);
      if (!signal.aborted) await Promise.all(guarded);
    } finally {
      ending.removeEventListener('abort', ring);
      await reader.close();
      await producer.close();
    }
  }

  /** What was committed last; of what asks the first time only what comes from now on. */
  async #takeOver(
    open: (at: { topic: string; partition: number }, offset: number) => PartitionStream,
    ending: AbortSignal,
  ): Promise<PartitionStream[]> {
    const { kafka, names, partitions, source } = this.#options;
    const { state, kept } = await readEnrichState(kafka, names.topic(enrichmentsTopic.name), partitions, source.name);
    for (const [hash, answer] of kept) this.#answers.set(hash, answer);
    this.#asking = new Asking({ ...this.#options, signal: ending }, state?.period);
    const topic = names.topic(topics.eventsTagged.name);
    const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
    const [starts, ends] = [await kafka.admin.startOffsets(all), await kafka.admin.endOffsets(all)];
    return all.map((at) => {
      const id = tpKey(topic, at.partition);
      const offset = Math.max(state?.offsets[at.partition] ?? ends.get(id) ?? 0, starts.get(id) ?? 0);
      this.#window.begin(at.partition, offset);
      return open(at, offset);
    });
  }

  async #read(streams: readonly PartitionStream[], ending: AbortSignal): Promise<void> {
    const serde = this.#options.serdes.of(topics.eventsTagged);
    while (!ending.aborted) {
      const { rung } = this.#bell;
      let count = 0;
      for (const stream of streams) {
        if (stream.error !== undefined) throw stream.error;
        const records = stream.take(Math.max(0, Math.min(500, MOST_OPEN - this.#window.size)));
        count += records.length;
        for (const { value } of records) if (value !== null) await serde.prepare?.(value);
        for (const record of records) this.#admit(record, stream.partition, serde);
      }
      if (count > 0) this.#bell.ring();
      else await rung;
    }
  }

  #admit({ offset, key, value }: RawRecord, partition: number, serde: { decode(bytes: Buffer): TaggedEvent }): void {
    const place = { partition, offset };
    this.#window.take(partition, offset);
    const event = value === null ? undefined : decoded(value, serde);
    const question = event === undefined ? ({ kind: 'none' } as const) : this.#questionOf(event);
    if (event === undefined || question.kind === 'none') return this.#window.finish(partition, offset);
    if (question.kind === 'unusable') return this.#pass(place, 'unusable');
    const { opaque, tick, enrich } = this.#options;
    const teller = { who: key?.toString('utf8') ?? '', event: event.event, identifiers: identifiersOf(event) };
    const hash = opaque(question.key);
    const known = this.#answers.get(hash, tick());
    if (known !== undefined) {
      this.#count('cached');
      const isNews = enrich.ofCustomers && known.answer !== null && !known.told.has(teller.who);
      if (!isNews) return this.#outbox.finish(place);
      this.#told(known.told, teller.who);
      return this.#outbox.tell({ hash, key: question.key, kept: known, isNew: false }, teller, place);
    }
    const same = this.#asked.get(hash);
    if (same !== undefined) {
      this.#count('joined');
      same.by.push({ ...teller, place });
      return;
    }
    if ((this.#putOff.get(hash) ?? 0) > tick()) return this.#pass(place, 'put_off');
    this.#count('asked');
    const asked: Asked = { key: question.key, hash, by: [{ ...teller, place }], startedAt: undefined };
    this.#asked.set(hash, asked);
    this.#queue.push(asked);
  }

  async #askOn(ending: AbortSignal): Promise<void> {
    while (!ending.aborted) {
      const { rung } = this.#bell;
      const asked = this.#queue.shift();
      if (asked === undefined) await rung;
      else {
        const ended = await this.#asking.ask(asked);
        this.#asked.delete(asked.hash);
        this.#end(asked, ended);
        this.#bell.ring();
      }
    }
  }

  #end(asked: Asked, ended: Ended): void {
    const { enrich, tick, putOffMs = 60_000 } = this.#options;
    const { hash, key, by } = asked;
    if (ended.kind !== 'answered') {
      this.#count(ended.kind);
      const isFailing = this.#asking.failingSince !== undefined;
      if (ended.kind === 'given_up' || isFailing) this.#putOff.set(hash, tick() + Math.min(putOffMs, enrich.freshForMs));
      this.#unanswered = isFailing ? asked : undefined;
      for (const { place } of by) this.#outbox.finish(place);
      return;
    }
    this.#unanswered = undefined;
    const { kept } = ended;
    const { told } = this.#answers.set(hash, kept);
    if (kept.answer === null) this.#outbox.keep(hash, kept);
    for (const [index, { place, ...teller }] of by.entries()) {
      const isNews = kept.answer !== null && (enrich.ofCustomers ? !told.has(teller.who) : index === 0);
      this.#told(told, teller.who);
      if (isNews) this.#outbox.tell({ hash, key, kept, isNew: index === 0 }, teller, place);
      else this.#outbox.finish(place);
    }
  }

  async #commit(commit: () => Promise<void>, ending: AbortSignal): Promise<void> {
    const { wait, tick, stateEveryMs = 2000 } = this.#options;
    while (!ending.aborted) {
      for (const hash of this.#answers.drop(tick(), DROPPED_AT_ONCE)) this.#outbox.keep(hash, null);
      for (const [hash, until] of this.#putOff) if (until <= tick()) this.#putOff.delete(hash);
      this.#tryAgain();
      await commit();
      const waiting = new AbortController();
      const soon = wait(stateEveryMs, AbortSignal.any([ending, waiting.signal])).then(() => waiting.abort());
      while (this.#outbox.isEmpty && !ending.aborted && !waiting.signal.aborted) {
        const { rung } = this.#bell;
        await Promise.race([rung, soon]);
      }
      waiting.abort();
    }
  }

  /** While nothing is answered nobody may ask either: whether it is again is found out by the last question. */
  #tryAgain(): void {
    const asked = this.#unanswered;
    if (asked === undefined || this.#putOff.has(asked.hash) || this.#asked.has(asked.hash)) return;
    this.#unanswered = undefined;
    this.#asked.set(asked.hash, asked);
    this.#queue.push(asked);
    this.#bell.ring();
  }

  /** Up to when everything that is to be known of the source is in Kafka once the outbox is. */
  #known(): number {
    const underWay = [...this.#asked.values()].flatMap(({ startedAt }) => startedAt ?? []);
    return Math.min(this.#options.tick(), this.#asking.failingSince ?? Number.POSITIVE_INFINITY, ...underWay);
  }

  readonly #state = (): EnrichState => ({ offsets: this.#window.offsets(), period: this.#asking.period });

  #pass(place: Place, result: QuestionResult): void {
    this.#count(result);
    this.#outbox.finish(place);
  }

  #told(told: Set<string>, who: string): void {
    if (!this.#options.enrich.ofCustomers) return;
    if (told.size >= MOST_TOLD) told.clear();
    told.add(who);
  }

  #count(result: QuestionResult): void {
    this.#options.metrics.question(this.#options.source.name, result);
  }
}

/** What cannot be read asks nothing: those who process events reject it. */
function decoded(value: Buffer, serde: { decode(bytes: Buffer): TaggedEvent }): TaggedEvent | undefined {
  try {
    return serde.decode(value);
  } catch {
    return undefined;
  }
}
