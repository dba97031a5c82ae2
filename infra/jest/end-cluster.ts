import { tearDown } from './with-cluster.ts';

/** Jest's globalTeardown of the tiers that run on a real cluster. */
export default tearDown;
