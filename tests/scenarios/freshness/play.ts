import { join } from 'node:path';
import { freshnessReport } from '../../../processors/watch-sources/status.ts';
import type {
  ActivationRequest,
  ActivationWithheld,
  MembershipChange,
  SourceFreshness,
} from '../../../schemas/generated/types.ts';
import { sourceClock } from '../../../schemas/source-clock.ts';
import { topics } from '../../../schemas/topics.ts';
import { loadWorkspace } from '../../../workspace/load.ts';
import { at as minute, identify, track, Walk } from '../../support/open-walk.ts';
import type { Decision } from './model.ts';
import { type Input, minutesOf, type Script } from './script.ts';

/** What the pipeline decided, with the record that says so. */
export interface Played extends Decision {
  readonly record: ActivationRequest | ActivationWithheld;
}

export interface Play {
  readonly decisions: readonly Played[];
  /** Changes of the statuses of sources, by the minute at which they were seen. */
  readonly statuses: readonly { readonly at: number; readonly report: SourceFreshness }[];
  /** Who entered abandoned-cart. */
  readonly left: readonly string[];
}

/** Plays a script on the real processors, in memory, with a clock moved by hand. */
export async function play(script: Script): Promise<Play> {
  const walk = await Walk.open(await loadWorkspace(join(import.meta.dirname, 'workspace'), {}));
  try {
    return await playOn(walk, script);
  } finally {
    await walk.close();
  }
}

async function playOn(walk: Walk, script: Script): Promise<Play> {
  const seen: { at: number; record: ActivationRequest | ActivationWithheld }[] = [];
  const changes: MembershipChange[] = [];
  const statuses: Play['statuses'][number][] = [];
  const watch = statusWatch(walk);
  const look = (at: number): void => {
    changes.push(...walk.read(topics.segmentsMembership));
    seen.push(...walk.read(topics.activationsWithheld).map((record) => ({ at, record })));
    seen.push(...walk.read(topics.activationsRequested).map((record) => ({ at, record })));
    statuses.push(...watch().map((report) => ({ at, report })));
  };
  for (const at of minutesOf(script)) {
    walk.at(at);
    await walk.settle();
    look(at);
    const inputs = script.inputs.filter((input) => input.at === at);
    for (const input of inputs) await enter(walk, input);
    if (inputs.length > 0) await walk.settle();
    look(at);
  }
  const people = [...new Set(script.inputs.flatMap((input) => ('who' in input ? [input.who] : [])))];
  const whoIs = new Map(people.map((who) => [walk.customer('user_id', who), who]));
  const heldBefore = new Set<string>();
  const decisions = seen.map(({ at, record }): Played => {
    const kind = kindOf(record, heldBefore);
    if (kind === 'held') heldBefore.add(record.id);
    return { at, who: whoIs.get(record.customer) ?? '?', activation: record.activation, kind, record };
  });
  const entered = changes.filter(({ segment, change }) => segment === 'abandoned-cart' && change === 'entered');
  return { decisions, statuses, left: entered.map(({ customer }) => whoIs.get(customer) ?? '?') };
}

function kindOf(record: ActivationRequest | ActivationWithheld, heldBefore: ReadonlySet<string>): Decision['kind'] {
  if (!('decision' in record)) return heldBefore.has(record.id) ? 'released' : 'sent';
  if (record.decision === 'held') return 'held';
  return record.reason.includes('outdated') ? 'outdated' : 'expired';
}

async function enter(walk: Walk, input: Input): Promise<void> {
  const time = (minutes: number): string => new Date(minute(minutes)).toISOString();
  const row = (who: string, asOf: number) => ({
    id: `${input.kind}-${who}-${asOf}`,
    customer: who,
    article: `of-${who}`,
    as_of: time(asOf),
  });
  switch (input.kind) {
    case 'identify':
      return walk.send(identify({ userId: input.who }, { email: `${input.who}@shop.example` }));
    case 'cart':
    case 'order': {
      const event = input.kind === 'cart' ? 'Product Added' : 'Order Completed';
      const timestamp = time(input.occurredAt);
      return walk.send(track({ userId: input.who }, event, { cart_id: `of-${input.who}` }, { timestamp }));
    }
    case 'stock':
      return walk.produce('stock', input.who, { ...row(input.who, input.asOf), quantity: input.quantity });
    case 'price':
      return walk.produce('prices', input.who, { ...row(input.who, input.asOf), drop: input.drop });
    case 'stock-end':
      return walk.produce('stock', 'end', { kind: 'end', as_of: time(input.asOf) });
    default:
      if (input.up) walk.watermarks.feed();
      else await walk.watermarks.stopFeed();
  }
}

/** What has changed in the statuses of the sources that come in batches. */
function statusWatch(walk: Walk): () => readonly SourceFreshness[] {
  const last = new Map<string, SourceFreshness>();
  const sources = walk.sources.filter(({ liveness }) => liveness.kind === 'batch');
  return () =>
    sources.flatMap((source) => {
      const { name } = source;
      const watermark = walk.watermarks.of(name);
      const tick = walk.driver.clock.now();
      const clock = sourceClock(source, walk.sources);
      const before = last.get(name);
      const report = freshnessReport({ clock, watermark, ended: false, sign: watermark, tick }, source, before);
      last.set(name, report);
      return report.before === null ? [] : [report];
    });
}
