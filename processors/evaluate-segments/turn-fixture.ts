import { withHandover } from '../../runtime/handover.ts';
import { REVISION } from '../../runtime/processor.ts';
import { memoryEngine } from '../../runtime/state/memory.ts';
import { TopologyTestDriver } from '../../runtime/testing/driver.ts';
import { MemoryBroker } from '../../runtime/testing/memory-kafka.ts';
import { noClaims } from '../../runtime/testing/no-claims.ts';
import type { IdentifiedEvent, MembershipChange } from '../../schemas/generated/types.ts';
import { MemoryRegistry } from '../../schemas/registry/memory.ts';
import { createSerdes } from '../../schemas/serdes.ts';
import { topics } from '../../schemas/topics.ts';
import { source, tagged, type GivenEvent } from './fixture.ts';
import { beginning, bornWith, readyBy, rulesOf, turnedBy, type GenerationRecord } from './generation.ts';
import { evaluateSegments, leafEvent } from './index.ts';
import { ruleHolds } from './rule.ts';
import { segmentCompiler, type CompiledSegment } from './segment.ts';

const compile = segmentCompiler();
const PARTITIONS = 3;
const END = 1_000_000;
/** Who comes. */
export const customers = ['ada', 'bob', 'cyd', 'dan', 'eve'];

/** By name what the segment has been at some time. */
export const variants: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = {
  many: [
    { when: { count: { of: 'A', within: '10s', at_least: 2 } } },
    { when: { count: { of: 'A', at_least: 3 } } },
    { when: { count: { of: 'A', at_least: 1 } }, eager: true },
  ],
  much: [
    { when: { sum: { of: 'A', value: 'item.n', more_than: 4, minus: { of: 'C', value: 'item.n', match: 'k' } } } },
    { when: { sum: { of: 'A', value: 'item.n', within: '15s', more_than: 3 } } },
  ],
  calm: [
    { when: { none: [{ count: { of: 'A', within: '5s', at_least: 1 } }] } },
    { when: { absence: { of: 'B', after: 'A', within: '6s', same: 'k', for: '7s' } } },
  ],
  after: [
    { when: { sequence: { steps: ['A', 'B'], without: ['C'], within: '9s', same: 'k' } } },
    { when: { all: [{ count: { of: 'A', at_least: 3 } }, { count: { of: 'B', at_least: 1 } }] } },
  ],
  back: [{ when: { returned: { of: 'A', after: '6s' } } }, { when: { count: { of: 'B', exactly: 1 } } }],
};

/** A workspace: of each segment which variant, whether in the shadow, or none. */
export type Choice = Readonly<Record<string, { readonly variant: number; readonly mode: 'live' | 'shadow' } | null>>;

export function segmentsOf(choice: Choice): readonly CompiledSegment[] {
  return Object.entries(variants).flatMap(([segment, all]) => {
    const chosen = choice[segment];
    const variant = chosen ? all[chosen.variant % all.length] : undefined;
    return chosen && variant ? [compile({ segment, ...variant, mode: chosen.mode })] : [];
  });
}

/** What can happen to a deployment. */
export type Step =
  | {
      readonly kind: 'event';
      readonly who: number;
      readonly event: string;
      readonly k: string;
      readonly n: number;
      readonly early: number;
    }
  | { readonly kind: 'merge'; readonly loser: number; readonly winner: number }
  | { readonly kind: 'edit'; readonly choice: Choice; readonly isSettled: boolean }
  | { readonly kind: 'restart' | 'barrier' | 'clock' | 'settle' }
  | { readonly kind: 'crash'; readonly after: number };

interface Record_ extends GenerationRecord {
  readonly segments: readonly CompiledSegment[];
}

/** A deployment whose rules are edited: tasks, log and stores stay, processes come and go. */
export class Deployment {
  readonly broker = new MemoryBroker();
  readonly engine = memoryEngine();
  readonly records: Record_[] = [];
  /** What a version decided by that kept no generations. */
  unversioned: readonly CompiledSegment[] | undefined;
  readonly events: (GivenEvent & { readonly customer: string })[] = [];
  readonly rows: MembershipChange[] = [];
  readonly #winners = new Map<string, string>();
  readonly #claimed = new Map<string, number>();
  readonly #serdes = createSerdes({ registry: new MemoryRegistry() });
  #driver: TopologyTestDriver | undefined;
  #crashAfter = Number.POSITIVE_INFINITY;

  get claimed(): number {
    const all = Array.from({ length: PARTITIONS }, (_, task) => this.#claimed.get(String(task)) ?? Number.NEGATIVE_INFINITY);
    return Math.floor(Math.min(...all));
  }

  get driver(): TopologyTestDriver {
    if (this.#driver === undefined) throw new Error('not started');
    return this.#driver;
  }

  alive(customer: string): string {
    let at = customer;
    for (let next = this.#winners.get(at); next !== undefined; next = this.#winners.get(at)) at = next;
    return at;
  }

  async start(): Promise<void> {
    await this.#serdes.register();
    const { segments } = this.records.at(-1) ?? { segments: this.unversioned ?? [] };
    const rules = rulesOf(this.records, this.claimed, (record) => ('segments' in record ? record.segments : segments));
    const evaluate = evaluateSegments({
      segments,
      sources: [source('web', { latenessMs: 5000 })],
      rules: { ...rules, page: 7 },
    });
    const processor = withHandover(evaluate, {
      marker: ({ topic, value }) =>
        topic === topics.eventsIdentified.name ? ((value as IdentifiedEvent).marker ?? undefined) : undefined,
      loop: topics.customersLoop,
      sources: ['web'],
      merge: (key, loser, parts, context) => evaluate.merge(key, loser, new Map(Object.entries(parts)), context),
      close: (_key, _winner, context) => evaluate.close(context),
    });
    this.#driver = await TopologyTestDriver.start({
      processors: [processor],
      serdes: this.#serdes,
      rejected: topics.eventsRejected,
      partitions: PARTITIONS,
      broker: this.broker,
      engine: this.engine,
      claims: {
        ...noClaims,
        claim: ({ task, source: of, at }) => {
          if (of === REVISION) this.#claimed.set(task, Math.max(at, this.#claimed.get(task) ?? Number.NEGATIVE_INFINITY));
        },
      },
      crash: () => {
        if (this.#crashAfter-- > 0) return;
        this.#crashAfter = Number.POSITIVE_INFINITY;
        throw new Error('crash');
      },
    });
  }

  async restart(): Promise<void> {
    await this.#driver?.close();
    await this.start();
  }

  /** Other rules: processes start anew with them. */
  async edit(segments: readonly CompiledSegment[]): Promise<void> {
    const base = readyBy(this.records, this.claimed) ?? (this.unversioned ? beginning : undefined);
    const number = (this.records.at(-1)?.number ?? 0) + 1;
    this.records.push({
      number,
      base: base?.number ?? null,
      turned: turnedBy(this.records, this.claimed),
      born: bornWith(segments, number, base),
      completeFrom: null,
      segments,
    });
    await this.restart();
  }

  async attempt(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Error) || error.message !== 'crash') throw error;
        await this.restart();
      }
    }
  }

  async take(all: Step, at: number, index: number, clock: number): Promise<void> {
    switch (all.kind) {
      case 'event': {
        const customer = this.alive(customers[all.who] ?? '');
        const given = {
          id: `m${(index * 7) % 101}-${index}`,
          event: all.event,
          at: at - all.early,
          properties: { k: all.k, n: all.n },
        };
        this.events.push({ ...given, customer });
        return this.driver.pipe(topics.eventsIdentified, customer, { customer, event: tagged(given), marker: null });
      }
      case 'merge': {
        const [loser, winner] = [this.alive(customers[all.loser] ?? ''), this.alive(customers[all.winner] ?? '')];
        if (loser === winner) return;
        const tell = (customer: string, kind: string): void => {
          const marker: unknown = { kind, loser, winner, members: ['one'], detail: '' };
          this.driver.pipe(topics.eventsIdentified, customer, { customer, event: null, marker } as IdentifiedEvent);
        };
        tell(winner, 'opening');
        tell(loser, 'closing');
        tell(loser, 'sealed');
        this.#winners.set(loser, winner);
        return;
      }
      case 'edit':
        if (all.isSettled) await this.attempt(() => this.driver.settle());
        return await this.edit(segmentsOf(all.choice));
      case 'restart':
        return await this.restart();
      case 'crash':
        this.#crashAfter = all.after;
        return;
      case 'barrier':
        return await this.attempt(() => this.driver.watermark(REVISION, this.claimed));
      case 'clock':
        return await this.attempt(() => this.driver.watermark('web', clock));
      case 'settle':
        return await this.attempt(() => this.driver.settle());
    }
  }

  /** Customer, change and cause of each row, sorted. */
  told(): readonly string[] {
    const serde = this.#serdes.of(topics.segmentsMembership);
    return this.broker
      .records(topics.segmentsMembership.name)
      .flatMap(({ value }) => (value ? [serde.decode(value)] : []))
      .map(({ customer, change, cause }) => `${customer} ${change} ${cause.kind}`)
      .sort();
  }

  async finish(): Promise<void> {
    this.#crashAfter = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 4; round++) await this.take({ kind: 'barrier' }, 0, 0, 0);
    await this.take({ kind: 'clock' }, 0, 0, END);
    const serde = this.#serdes.of(topics.segmentsMembership);
    for (const { value } of this.broker.records(topics.segmentsMembership.name)) if (value) this.rows.push(serde.decode(value));
    await this.driver.close();
  }

  /** Who belongs where by a plain computation over all events there ever were. */
  expected(): readonly string[] {
    const { segments } = this.records.at(-1) ?? { segments: [] };
    const alive = new Set(this.events.map(({ customer }) => this.alive(customer)));
    const found: string[] = [];
    for (const customer of alive) {
      const own = this.events.filter((event) => this.alive(event.customer) === customer).map((event) => leafEvent(tagged(event)));
      for (const { name, rule, leaves, shadow } of segments) {
        const holds = ruleHolds(rule, (hash) => {
          const leaf = leaves.find((each) => each.hash === hash)?.leaf;
          return (
            leaf?.holds(
              own.reduce((state, event) => leaf.add(state, event, () => undefined), leaf.empty),
              END,
            ) ?? false
          );
        });
        if (holds && !shadow) found.push(`${customer} ${name}`);
      }
    }
    return found.sort();
  }

  /** The same, folded from what was published; a change that tells nothing new, or a gap in the sequences, throws. */
  folded(): readonly string[] {
    const members = new Set<string>();
    const sequences = new Map<string, number>();
    for (const { customer, segment, change, sequence } of this.rows) {
      const name = `${customer} ${segment}`;
      if (sequence !== (sequences.get(customer) ?? 0) + 1) throw new Error(`sequence ${sequence} of ${name}`);
      sequences.set(customer, sequence);
      if (members.has(name) === (change === 'entered')) throw new Error(`${change} twice: ${name}`);
      if (change === 'entered') members.add(name);
      else members.delete(name);
    }
    return [...members].sort();
  }
}
