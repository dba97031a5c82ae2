import type { Environment } from '../environment.ts';
import type { TaskInputs } from '../inputs.ts';
import { REVISION, type TaskId } from '../processor.ts';
import type { HintIndex } from '../state/hints.ts';
import type { Store } from '../state/store.ts';
import type { TaskWatermarks } from './task-watermarks.ts';

interface Claimant {
  readonly id: TaskId;
  readonly watermarks: TaskWatermarks;
}

interface Held {
  readonly store: Store;
  readonly holds: HintIndex;
}

/**
 * Claims what a task has adopted, but for what is held by an entry whose answer is still on its way; and how far it is with its
 * revision, if there is one.
 */
export function claimAll(
  { claims }: Pick<Environment, 'claims'>,
  { id, watermarks }: Claimant,
  inputs: Pick<TaskInputs, 'sign'>,
  revision: number | undefined,
  { store, holds }: Held,
): void {
  const name = { stage: id.processor, task: String(id.partition) };
  for (const [source, { at, ended }] of watermarks.adopted) {
    if (source === REVISION) continue;
    const held = holds.verified(source, store);
    const sign = inputs.sign(source);
    const batch = watermarks.batch(source);
    claims.claim({
      ...name,
      source,
      at: Math.min(at, held - 1),
      ended: ended && held === Number.POSITIVE_INFINITY,
      ...(sign === undefined ? {} : { sign }),
      ...(batch === undefined ? {} : { batch }),
    });
  }
  if (revision !== undefined)
    claims.claim({ ...name, source: REVISION, at: Math.min(revision, holds.verified(REVISION, store) - 1) });
}
