import { jest } from '@jest/globals';

/** How long a test of the tier may take, in milliseconds: jest has no such setting per project but hands `globals` on. */
const { patience } = globalThis as unknown as { readonly patience: number };
jest.setTimeout(patience);

/** By how much properties are tried more often than in CI: FRESHET_PROPERTY_RUNS=20 for a long form by hand. */
const given = globalThis as { runs?: number };
given.runs = Number(process.env['FRESHET_PROPERTY_RUNS'] ?? 1);
if (given.runs > 1) jest.setTimeout(patience * given.runs);
