/** What a task claims for REVISION once it has read again all that it must. Before, it claims by how much. */
export const seededAt = (revision: number): number => 2 * revision;

/** What it claims once it has visited every key. */
export const sweptAt = (revision: number): number => 2 * revision + 1;

/** What a claim for REVISION says: the share of what must be read again that has been read, and whether every key has been visited. */
export function howFar(claimed: number, revision: number): { readonly share: number; readonly isTurned: boolean } {
  const share = Math.min(1, Math.max(0, claimed - (seededAt(revision) - 1)));
  return { share: Number.isFinite(share) ? share : 0, isTurned: claimed >= sweptAt(revision) };
}
