import { type HandoverMarker, withHandover } from '../../../runtime/handover.ts';
import { HANDOVER_PART, readHandover } from '../../../runtime/handover-state.ts';
import type { Context, Processor } from '../../../runtime/processor.ts';
import type { StreamRecord } from '../../../runtime/record.ts';
import type { IdentifiedEvent, IdentityJudgement } from '../../../schemas/generated/types.ts';
import { topics } from '../../../schemas/topics.ts';
import { handoverMarker } from '../division.ts';
import type { FuzzyConfig } from '../fuzzy/rules.ts';
import type { IdentityRules } from '../identity.ts';
import { blockKeys, onLeaves, onStands } from './block.ts';
import { onJudged, onRenamed, passOn, takeJudgements, tellRenamed } from './judgements.ts';
import type { Message } from './messages.ts';
import { forget, JUDGED, type Judgements, onFits, onLinked, onPair, onUnpair } from './pairs.ts';
import { nothingKnown, type Portrait, type Standing, standingOf, united, withEvent } from './portrait.ts';
import type { Site } from './site.ts';

export interface LookalikesConfig {
  /** The deployment's secret behind the keys of blocks. */
  readonly secret: string;
  readonly identity: IdentityRules;
  readonly fuzzy: FuzzyConfig;
}

const PORTRAIT = 'p';
const STANDS = 's';

interface Stands {
  readonly blocks: readonly string[];
  readonly standing: Standing;
}

/**
 * Finds customers who share no identifier but look alike. What is likely enough is told as a weak link, with its confidence, on
 * identity.resembles; what is only likely waits on identity.review for somebody to look at it. Nothing merges: the customers, their
 * events and their state stay what strong evidence made of them. The same in every order of arrival. Traffic that says nothing new
 * of a customer costs no message. State and messages hold the fields that are compared, so personal data.
 */
export function findLookalikes({ secret, identity: rules, fuzzy }: LookalikesConfig): Processor {
  const loop = topics.lookalikesLoop;
  const siteOf = (key: string, context: Context): Site => ({
    key,
    context,
    rules,
    fuzzy,
    send: (to, message) => context.forward(loop, to, message),
    reportVoid: (customer, size) =>
      context.forward(topics.identityChanges, customer, {
        kind: 'super-block',
        customer,
        other: null,
        identifiers: [key],
        reason: `${size} customers have it in common: it is no reason any more to compare them`,
        occurredAt: context.tick,
        messageId: null,
      }),
  });

  const inner: Processor = {
    name: 'find-lookalikes',
    inputs: [topics.eventsIdentified, topics.identityJudgements, loop],
    outputs: [loop, topics.identityResembles, topics.identityReview, topics.identityJudgements, topics.identityChanges],
    upstream: [],
    silenceIsFinal: true,
    parts: ({ topic }) => (topic === topics.eventsIdentified.name ? [PORTRAIT] : []),
    process: ({ topic, key, value }, context) => {
      if (value === null) return;
      const site = siteOf(key, context);
      if (topic === loop.name) return receive(site, value as Message);
      if (topic === topics.identityJudgements.name) return onJudged(site, judgedIn(value as IdentityJudgement));
      const { event } = value as IdentifiedEvent;
      if (event) know(site, withEvent(portraitIn(context), event, fuzzy, rules, secret));
    },
  };

  const outer = withHandover(inner, {
    marker: markerOf,
    loop: topics.customersLoop,
    seeds: topics.customersSeeds,
    merge: (key, _loser, parts, context) => {
      takeJudgements(siteOf(key, context), (parts[JUDGED] as Judgements | undefined) ?? {});
      know(siteOf(key, context), united(portraitIn(context), (parts[PORTRAIT] as Portrait | undefined) ?? nothingKnown, rules));
    },
    close: (key, winner, context) => {
      const site = siteOf(key, context);
      leave(site);
      tellRenamed(site, winner);
    },
    // What was said is folded for each heir from the history.
    divide: (key, _heirs, context) => {
      leave(siteOf(key, context));
      for (const part of context.state.parts()) if (!part.startsWith(HANDOVER_PART)) context.state.delete(part);
    },
  });
  return {
    ...outer,
    process: (record, context) => {
      const { topic, key, value } = record;
      const { closedTo, awaits } = readHandover(context);
      const isOwn = topic === loop.name || topic === topics.identityJudgements.name;
      if (!isOwn || closedTo === null) return outer.process(record, context);
      if (value === null || awaits !== undefined) return context.count('late');
      // What people said of a customer that has merged holds for who goes on; what blocks and others still say is of no use.
      const message = topic === loop.name ? (value as Message) : judgedIn(value as IdentityJudgement);
      if (!passOn(siteOf(key, context), message, closedTo)) context.count('late');
    },
  };

  /** Last words of a customer that ends. */
  function leave(site: Site): void {
    for (const block of site.context.state.get<Stands>(STANDS)?.blocks ?? [])
      site.send(block, { kind: 'leaves', customer: site.key });
    forget(site);
  }

  function portraitIn({ state }: Context): Portrait {
    return state.get<Portrait>(PORTRAIT) ?? nothingKnown;
  }

  /** Tells the blocks when what they compare has changed. */
  function know(site: Site, portrait: Portrait): void {
    const { state } = site.context;
    if (portrait === portraitIn(site.context)) return;
    state.set<Portrait>(PORTRAIT, portrait);
    const before = state.get<Stands>(STANDS);
    const standing = standingOf(portrait);
    if (JSON.stringify(before?.standing) === JSON.stringify(standing)) return;
    const blocks = blockKeys(standing, secret);
    state.set<Stands>(STANDS, { blocks, standing });
    for (const block of before?.blocks ?? [])
      if (!blocks.includes(block)) site.send(block, { kind: 'leaves', customer: site.key });
    for (const block of blocks) site.send(block, { kind: 'stands', customer: site.key, standing });
  }
}

function receive(site: Site, message: Message): void {
  switch (message.kind) {
    case 'stands':
      return onStands(site, message);
    case 'leaves':
      return onLeaves(site, message.customer);
    case 'pair':
      return onPair(site, message);
    case 'unpair':
      return onUnpair(site, message);
    case 'fits':
      return onFits(site, message);
    case 'linked':
      return onLinked(site, message);
    case 'judged':
      return onJudged(site, message);
    case 'renamed':
      return onRenamed(site, message);
  }
}

function judgedIn({ other, verdict, judgedAt }: IdentityJudgement): Extract<Message, { kind: 'judged' }> {
  const same = verdict === 'open' ? null : verdict === 'same';
  return { kind: 'judged', other, judgement: { same, at: judgedAt }, isFirst: true };
}

function markerOf({ topic, value }: StreamRecord): HandoverMarker | undefined {
  return topic === topics.eventsIdentified.name ? handoverMarker((value as IdentifiedEvent).marker) : undefined;
}
