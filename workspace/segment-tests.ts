import type { LeafEvent } from '../processors/evaluate-segments/operator.ts';
import type { CompiledSegment } from '../processors/evaluate-segments/segment.ts';
import { timelineOf } from '../processors/evaluate-segments/timeline.ts';
import { parseDuration } from '../schemas/duration.ts';
import type { YamlFile } from './yaml-file.ts';

/** A test of a segment file, as it stands there. */
export interface SegmentTest {
  readonly segment: CompiledSegment;
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** Epoch milliseconds of its t = 0. */
  readonly start: number;
  readonly customer: string;
  readonly given: readonly Readonly<Record<string, unknown>>[];
  readonly expected: readonly { readonly at: string; readonly member: boolean }[];
}

/** What became of a test: `failures` is empty if it passed. */
export interface SegmentTestResult {
  readonly test: SegmentTest;
  readonly failures: readonly string[];
}

interface TestYaml {
  readonly name?: string;
  readonly start?: string;
  readonly customer?: string;
  readonly given: SegmentTest['given'];
  readonly then: SegmentTest['expected'] | SegmentTest['expected'][number];
}

/** The start of a test that names none: a fixed time, so that rules over local times say the same every day. */
const START = '2024-01-15T00:00:00Z';

/** The tests of a segment file that fits the schema. */
export function testsOf(file: YamlFile, segment: CompiledSegment): readonly SegmentTest[] {
  const { tests } = file.data as { tests?: readonly TestYaml[] };
  return (tests ?? []).map(({ name, start = START, customer = 'c_test', given, then }, index) => ({
    segment,
    file: file.file,
    line: file.problem(['tests', index], '').line,
    name: name ?? `test ${index + 1}`,
    start: Date.parse(start),
    customer,
    given,
    expected: [then].flat(),
  }));
}

/** Runs the tests of all segments by the rules themselves, without a stream: milliseconds. */
export function runSegmentTests({ tests }: { readonly tests: readonly SegmentTest[] }): readonly SegmentTestResult[] {
  return tests.map((test) => ({ test, failures: failuresOf(test) }));
}

function failuresOf({ segment, customer, start, given, expected }: SegmentTest): readonly string[] {
  const events = given.map((each, index) => eventOf(each, index, start));
  const states = new Map(
    segment.leaves.map(({ hash, leaf }) => [
      hash,
      events.reduce((state, event) => leaf.add(state, event, () => undefined), leaf.empty),
    ]),
  );
  const since = Math.min(...events.map(({ occurredAt }) => occurredAt));
  const timeline = timelineOf(segment, customer, (hash) => states.get(hash), since);
  return expected.flatMap(({ at, member }) => {
    const time = start + parseDuration(at);
    if (timeline.holds(time) === member) return [];
    const says = segment.leaves
      .map(({ hash, leaf }) => (leaf.forCustomer?.(customer) ?? leaf).explain(states.get(hash), time).says)
      .join('; ');
    return [`at ${at}: expected ${member ? 'a member' : 'no member'}, found the opposite: ${says}`];
  });
}

function eventOf(given: Readonly<Record<string, unknown>>, index: number, start: number): LeafEvent {
  const { t, event, properties, traits, timezone, ...beside } = given;
  return {
    messageId: String(index).padStart(6, '0'),
    event: String(event),
    occurredAt: start + parseDuration(t),
    properties: { ...beside, ...(properties as object | undefined) },
    traits: (traits ?? {}) as LeafEvent['traits'],
    ...(typeof timezone === 'string' ? { zone: timezone } : {}),
  };
}
