/** What a task claims for REVISION once it has read again all that it must. Before, it claims by how much. */
export const seededAt = (revision: number): number => 2 * revision;

/** What it claims once it has visited every key. */
export const sweptAt = (revision: number): number => 2 * revision + 1;
