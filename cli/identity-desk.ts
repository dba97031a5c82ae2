import type { IdentityDesk } from '../services/identity/index.ts';
import type { Workspace } from '../workspace/load.ts';
import type { Command } from '../processors/stitch-identity/lineage.ts';
import { previewSplit } from './identity-explain.ts';
import { retainedHistory } from './identity-history.ts';
import { readPair, resultOf, splitIdentity, type SplitResult } from './identity-split.ts';
import type { Pipeline } from './pipeline.ts';
import { judgePairs, openReviews, verdicts } from './review-queue.ts';
import { KEEPERS } from './topology.ts';

/** How long a request waits for what comes of it. */
const PATIENCE_MS = 10_000;

/** The operator's side of identity over the connections of a process. */
export function identityDesk(
  pipeline: Pipeline,
  { identity: rules, secret }: Pick<Workspace, 'identity' | 'secret'>,
): IdentityDesk {
  const { kafka, producer, serdes, names, partitions } = pipeline;
  const desk = {
    kafka,
    producer,
    serdes,
    partitions,
    rules,
    secret,
    keepers: KEEPERS,
    patienceMs: PATIENCE_MS,
    topicName: ({ name }: { readonly name: string }) => names.topic(name),
  };
  const told = (result: SplitResult): { done: boolean; result: unknown } => {
    const isWhole = result.divided.every(({ heirs }) => heirs.every(({ events }) => events !== null));
    return { done: result.outcome !== 'pending' && isWhole, result };
  };
  return {
    split: async ({ between, dryRun, ...wish }) => {
      if (!dryRun) return told(await splitIdentity(desk, { between, ...wish }, Date.now()));
      const [first = '', second = ''] = readPair(rules, between).map(({ kind, value }) => `${kind}:${value}`);
      const { visit, lineage } = retainedHistory(kafka, serdes, names);
      const commands = (): readonly Command[] => lineage.commands;
      return { done: true, result: (await previewSplit(visit, { rules, secret, commands }, first, second)) ?? null };
    },
    found: async (id) => told(await resultOf(desk, id)),
    reviews: async (limit) => {
      const open = await openReviews(desk);
      return { total: open.size, reviews: [...open.values()].slice(0, limit) };
    },
    judge: ({ ids, verdict }) => judgePairs(desk, { ids, verdict: verdicts[verdict], judgedAt: Date.now() }),
  };
}
