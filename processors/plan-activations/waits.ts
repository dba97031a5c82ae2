import { type Due, TICK } from '../../runtime/processor.ts';
import type { CompiledActivation } from './activation.ts';
import type { Stale } from './freshness.ts';
import { waitsFor } from './held.ts';
import { type ActivationState, valueOf } from './traits.ts';

/** What a message still waits for: traits that may come within its budget, and sources that are not fresh enough. */
export function waitsOf(
  { wait }: CompiledActivation,
  state: ActivationState,
  stale: readonly Stale[],
  decidedAt: number,
  tick: number,
): { readonly missing: readonly string[]; readonly waitsFor: readonly Due[] } {
  const until = decidedAt + (wait?.atMostMs ?? 0);
  const isOver = wait === undefined || tick >= until;
  const missing = isOver ? [] : wait.traits.filter((trait) => valueOf(state, trait) === undefined);
  return { missing, waitsFor: missing.length > 0 ? [{ clock: TICK, at: until }] : waitsFor(stale, tick) };
}
