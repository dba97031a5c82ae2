import type { Context, Due } from '../../runtime/processor.ts';
import { reached, type SegmentClock } from './clocks.ts';
import { readLeaf } from './leaf-part.ts';
import { finite } from './membership.ts';
import type { Figure, Leaf } from './operator.ts';
import type { Plan } from './plan.ts';
import { tell } from './profile.ts';

/** A figure of a leaf that is published as a trait. */
export interface PlannedFigure {
  readonly name: string;
  readonly hash: string;
  readonly leaf: Leaf;
  readonly figure: Figure;
  readonly clock: SegmentClock;
}

/** Part `f`: by name, as of when a figure was told last, and when it changes next by what is known. */
type Figures = Readonly<Record<string, { readonly at: number | null; readonly next: number | null }>>;

export const FIGURES = 'f';

/**
 * Tells the figures as of `from`, the clock, or when they were told last, whichever is latest; a new value goes to the profile.
 * Call it before memberships are published, so that a message finds the figure that caused it.
 */
export function tellFigures(
  plan: Plan,
  figures: readonly PlannedFigure[],
  { from = Number.NEGATIVE_INFINITY, messageId }: { readonly from?: number; readonly messageId: string },
  customer: string,
  context: Context,
): void {
  if (figures.length === 0) return;
  const before = context.state.get<Figures>(FIGURES) ?? {};
  const after = { ...before };
  for (const { name, hash, leaf, figure, clock } of figures) {
    const state = readLeaf(context.state, hash)?.state ?? leaf.empty;
    const at = Math.max(from, reached(clock, context), before[name]?.at ?? Number.NEGATIVE_INFINITY);
    after[name] = { at: finite(at), next: finite(figure.next(state, at)) };
    if (Number.isFinite(at)) tell(name, figure.value(state, at), { at, messageId }, context, customer);
  }
  const due: Due[] = Object.entries(after).flatMap(([name, { next }]) => {
    const clock = plan.figures.find((each) => each.name === name)?.clock.name;
    return clock === undefined || next === null ? [] : [{ clock, at: next }];
  });
  context.state.set(FIGURES, after, { due });
}

/** Tells those whose next change the clock has reached. */
export function figuresReached(plan: Plan, customer: string, context: Context): void {
  const known = context.state.get<Figures>(FIGURES) ?? {};
  const due = plan.figures.filter(({ name, clock }) => {
    const next = known[name]?.next ?? null;
    return next !== null && next <= reached(clock, context);
  });
  tellFigures(plan, due, { messageId: '' }, customer, context);
}

/** Tells figures that other rules compute, and takes back those that no rule tells any more. */
export function turnFigures(plan: Plan, former: Plan | undefined, customer: string, context: Context): void {
  const known = context.state.get<Figures>(FIGURES) ?? {};
  const gone = Object.keys(known).filter((name) => !plan.figures.some((figure) => figure.name === name));
  for (const name of gone) tell(name, null, { at: known[name]?.at ?? 0, messageId: '' }, context, customer);
  if (gone.length > 0)
    context.state.set(FIGURES, Object.fromEntries(Object.entries(known).filter(([name]) => !gone.includes(name))));
  const concerned = plan.figures.filter(({ name, hash }) => {
    if (known[name] === undefined) return readLeaf(context.state, hash) !== undefined;
    return gone.length > 0 || former?.figures.find((figure) => figure.name === name)?.hash !== hash;
  });
  tellFigures(plan, concerned, { messageId: '' }, customer, context);
}

/** As of when the figures of a state, given as its part, were told last. */
export function toldUpTo(part: unknown): number {
  return Math.max(...Object.values((part as Figures | undefined) ?? {}).map(({ at }) => at ?? Number.NEGATIVE_INFINITY));
}
