import { jest } from '@jest/globals';

/** How long a test of the tier may take, in milliseconds, and how often it is tried: jest has no such settings per project but hands `globals` on. */
const { patience, tries } = globalThis as unknown as { readonly patience: number; readonly tries: number };
jest.setTimeout(patience);
if (tries > 1) jest.retryTimes(tries - 1, { logErrorsBeforeRetry: true });

/** By how much properties are tried more often than in CI: FRESHET_PROPERTY_RUNS=20 for a long form by hand. */
const given = globalThis as { runs?: number };
given.runs = Number(process.env['FRESHET_PROPERTY_RUNS'] ?? 1);
if (given.runs > 1) jest.setTimeout(patience * given.runs);
