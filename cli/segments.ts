import { explainMembership } from '../processors/evaluate-segments/explain.ts';
import { segmentSchema } from '../processors/evaluate-segments/segment.ts';
import { prefixedNames } from '../runtime/environment.ts';
import { FreshetError } from '../runtime/errors.ts';
import { readIdentifier } from '../schemas/identifier-rules.ts';
import { createSerdes } from '../schemas/serdes.ts';
import { topics } from '../schemas/topics.ts';
import { loadWorkspace, type Workspace } from '../workspace/load.ts';
import { connect } from './cluster.ts';
import { recordsOfFiles, sourceOfFiles } from './identity-events.ts';
import { jsonLog } from './log.ts';
import { scanTopic } from './scan.ts';
import { Histories, historiesOfFiles } from './segment-histories.ts';
import { costLines, differenceLines, explanationLines, simulationLines } from './segment-report.ts';
import { costsOf, differencesOf, runSegments, statesOf } from './segment-simulate.ts';
import { retainedFrom } from './segment-rules.ts';
import type { Settings } from './settings.ts';
import type { WorkspaceChoice } from './validate.ts';

/** Files of events; none: all that the log retains. */
export interface HistoryChoice extends WorkspaceChoice {
  readonly settings: Settings;
  readonly files: readonly string[];
  readonly source?: string;
  readonly json?: boolean;
}

export interface WhyChoice extends HistoryChoice {
  /** An id, or `kind:value` of an identifier. */
  readonly customer: string;
  readonly segment: string;
  /** ISO 8601; now when left out. */
  readonly at?: string;
}

/** Prints why a customer belongs to a segment at a time, or why not: the tree of the rule, with the events behind each leaf. */
export async function why(choice: WhyChoice): Promise<void> {
  const workspace = await load(choice);
  const segment = workspace.segments.find(({ name }) => name === choice.segment);
  if (segment === undefined)
    throw new FreshetError(
      'CONFIG_INVALID',
      `Expected --segment, one of ${workspace.segments.map(({ name }) => name).join(', ')}`,
    );
  const at = choice.at === undefined ? Date.now() : Date.parse(choice.at);
  if (Number.isNaN(at)) throw new FreshetError('CONFIG_INVALID', 'Expected --at, a time in ISO 8601');
  const found = await gather(choice, workspace);
  const customer = found.customer(choice.customer);
  const events = (customer === undefined ? undefined : found.histories.all().get(customer)) ?? [];
  const [first] = events;
  if (customer === undefined || first === undefined)
    throw new FreshetError('CONFIG_INVALID', 'Nobody of that name has an event in the history that is there.');
  const states = statesOf(segment, events);
  const explained = explainMembership(segment, customer, (hash) => states.get(hash), first.occurredAt, at, found.completeFrom);
  if (choice.json === true) return print([JSON.stringify({ customer, segment: segment.name, at, ...explained })]);
  print([
    ...explanationLines({ customer, segment: segment.name, at }, explained, events),
    `by ${events.length} events from ${new Date(first.occurredAt).toISOString()} on`,
  ]);
}

export interface SimulateSegmentsChoice extends HistoryChoice {
  readonly steps: number;
}

/** Prints who would have come and gone: entries, exits and sizes of all segments over a history. */
export async function simulateSegments(choice: SimulateSegmentsChoice): Promise<void> {
  const workspace = await load(choice);
  const { histories } = await gather(choice, workspace);
  const events = histories.all();
  const times = stepsOf(events, choice.steps);
  const runs = runSegments(workspace.segments, events, times);
  if (choice.json === true)
    return print(runs.map(({ segment, ...run }) => JSON.stringify({ segment: segment.name, times, ...run })));
  print([...simulationLines(runs, times, events.size), ...refusedLines(histories)]);
}

export interface DifferenceChoice extends HistoryChoice {
  /** Folder of the workspace with the other rules. */
  readonly with: string;
}

/** Prints who would enter and leave each segment by the rules of another workspace, as of the last event. */
export async function diffSegments(choice: DifferenceChoice): Promise<void> {
  const workspace = await load(choice);
  const other = await load({ ...choice, workspace: choice.with });
  const { histories } = await gather(choice, workspace);
  const events = histories.all();
  const differences = differencesOf(workspace.segments, other.segments, events, stepsOf(events, 1).at(-1) ?? 0);
  if (choice.json === true) return print(differences.map((each) => JSON.stringify(each)));
  print([...differenceLines(differences), ...refusedLines(histories)]);
}

/** Prints the JSON Schema of segment files, for editors. */
export function printSegmentSchema(): void {
  print([JSON.stringify(segmentSchema(), undefined, 2)]);
}

/** Prints what each leaf costs in the state of a customer, by a history. */
export async function costOfSegments(choice: HistoryChoice): Promise<void> {
  const workspace = await load(choice);
  const { histories } = await gather(choice, workspace);
  const events = histories.all();
  const costs = costsOf(workspace.segments, events, stepsOf(events, 1).at(-1) ?? 0);
  print(choice.json === true ? costs.map((cost) => JSON.stringify(cost)) : [...costLines(costs), ...refusedLines(histories)]);
}

interface Gathered {
  readonly histories: Histories;
  /** Whom an id or `kind:value` means. */
  customer(name: string): string | undefined;
  /** From when on the history is whole, epoch milliseconds; null: nothing of it has been deleted. */
  readonly completeFrom: number | null;
}

async function gather(choice: HistoryChoice, workspace: Workspace): Promise<Gathered> {
  const { histories, completeFrom } =
    choice.files.length > 0 ? { histories: await ofFiles(choice, workspace), completeFrom: null } : await ofLog(choice);
  return {
    histories,
    completeFrom,
    customer: (name) => {
      const colon = name.indexOf(':');
      if (colon < 1) return histories.survivor(name);
      const kind = name.slice(0, colon);
      const value = readIdentifier(workspace.identity.values, kind, name.slice(colon + 1));
      return value === undefined ? undefined : histories.named(kind, value);
    },
  };
}

function ofFiles({ files, ...choice }: HistoryChoice, workspace: Workspace): Promise<Histories> {
  const source = sourceOfFiles(workspace.sources, choice.source);
  const warn = (where: string, reason: string): void => void process.stderr.write(`${where}: ${reason}\n`);
  return historiesOfFiles(recordsOfFiles(files, source, warn), source, workspace, Date.now());
}

async function ofLog({ settings }: HistoryChoice): Promise<Pick<Gathered, 'histories' | 'completeFrom'>> {
  const log = jsonLog((line) => process.stderr.write(line), 'error');
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const connection = await connect(settings, { clientId: 'freshet-segments', log, say, embedded: 'find' });
  try {
    const serdes = createSerdes({ registry: connection.registry, prefix: settings.prefix });
    await serdes.register();
    const serde = serdes.of(topics.eventsIdentified);
    const histories = new Histories();
    const topic = topics.eventsIdentified.name;
    await scanTopic(connection.kafka, prefixedNames(settings.prefix).topic(topic), ({ value, offset }, { partition }) => {
      if (value !== null) histories.take(serde.decode(value), { topic, partition, offset });
      return 'go on';
    });
    const { prefix, partitions } = settings;
    return { histories, completeFrom: await retainedFrom({ kafka: connection.kafka, serdes, prefix, partitions }) };
  } finally {
    await connection.close();
  }
}

/** Ends of equal steps from the first event to the last. */
function stepsOf(histories: ReadonlyMap<string, readonly { readonly occurredAt: number }[]>, count: number): readonly number[] {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const events of histories.values()) {
    first = Math.min(first, events[0]?.occurredAt ?? first);
    last = Math.max(last, events.at(-1)?.occurredAt ?? last);
  }
  if (first > last) return [];
  return Array.from({ length: count }, (_, index) => Math.round(first + ((last - first) * (index + 1)) / count));
}

function refusedLines({ rejected }: Histories): readonly string[] {
  return rejected === 0 ? [] : [`${rejected} records could not be used`];
}

function load({ workspace, profile }: WorkspaceChoice): Promise<Workspace> {
  return loadWorkspace(workspace, process.env, profile === undefined ? {} : { profile });
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
