import type { ClaimWriter } from '../watermarks/claims.ts';

/** For tasks on whose claims nothing waits. */
export const noClaims: ClaimWriter = {
  claim: () => undefined,
  retire: () => undefined,
  tick: () => undefined,
  flush: async () => undefined,
  close: async () => undefined,
};
