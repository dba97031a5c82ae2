import { tearDown } from './with-three-brokers.ts';

/** Jest's globalTeardown of the fault tier. */
export default tearDown;
