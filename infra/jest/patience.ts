import { jest } from '@jest/globals';

/** How long a test of the tier may take, in milliseconds: jest has no such setting per project but hands `globals` on. */
const { patience } = globalThis as unknown as { readonly patience: number };
jest.setTimeout(patience);
