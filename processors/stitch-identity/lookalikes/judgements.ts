import type { Message } from './messages.ts';
import { JUDGED, type Judgements, judgementsIn, settle } from './pairs.ts';
import type { Site } from './site.ts';

/** Somebody looked at a pair. The first of the two to hear of it tells the other. */
export function onJudged(site: Site, { other, judgement, isFirst }: Extract<Message, { kind: 'judged' }>): void {
  const known = judgementsIn(site.context);
  if (other === site.key || (known[other]?.at ?? Number.NEGATIVE_INFINITY) > judgement.at) return;
  site.context.state.set<Judgements>(JUDGED, { ...known, [other]: judgement });
  if (isFirst) site.send(other, { kind: 'judged', other: site.key, judgement, isFirst: false });
  settle(site);
}

/** A customer that people said something of goes on under another id; whoever that is hears it too, and says if it has ended as well. */
export function onRenamed(site: Site, { from, to }: Extract<Message, { kind: 'renamed' }>): void {
  const { [from]: judgement, ...others } = judgementsIn(site.context);
  if (judgement === undefined) return;
  site.context.state.set<Judgements>(JUDGED, others);
  onJudged(site, { kind: 'judged', other: to, judgement, isFirst: true });
  settle(site);
}

/** What was said of a customer that has merged into this one; of two the later counts. */
export function takeJudgements(site: Site, theirs: Judgements): void {
  for (const [other, judgement] of Object.entries(theirs)) onJudged(site, { kind: 'judged', other, judgement, isFirst: false });
}

/** Last words of a customer that merges into another, to those whom people compared it with. */
export function tellRenamed(site: Site, winner: string): void {
  for (const other of Object.keys(judgementsIn(site.context))) site.send(other, { kind: 'renamed', from: site.key, to: winner });
}

/** What comes to a customer that has merged into another goes on to that one, and whoever still means the old one is told; true: done. */
export function passOn(site: Site, message: Message, winner: string): boolean {
  if (message.kind !== 'judged' && message.kind !== 'renamed') return false;
  site.send(winner, message);
  if (message.kind === 'judged' && !message.isFirst) site.send(message.other, { kind: 'renamed', from: site.key, to: winner });
  return true;
}
