import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { loadWorkspace, type Workspace } from '../../workspace/load.ts';
import { Walk } from './open-walk.ts';

export { at, type Ground, identify, inWords, standOn, start, track, Walk, type Who } from './open-walk.ts';

const example = join(import.meta.dirname, '../../examples/shop');
const withoutTill = ['shop', 'prices', 'stock'];

export interface WalkOptions {
  /** Folder of the workspace; default: the example. */
  readonly dir?: string;
  /** Names of the sources that take part; default: the live ones, of the example those with one teller of orders, its visitors. */
  readonly sources?: readonly string[];
}

/** Opens walks for the tests of a file, and closes them after each. */
export function walks(): (options?: WalkOptions) => Promise<Walk> {
  const open: Walk[] = [];
  const loaded = new Map<string, Promise<Workspace>>();
  afterEach(async () => {
    for (const walk of open.splice(0)) await walk.close();
  });
  return async ({ dir = example, sources = dir === example ? withoutTill : undefined } = {}) => {
    const workspace = loaded.get(dir) ?? loadWorkspace(dir, {});
    loaded.set(dir, workspace);
    const walk = await Walk.open(await workspace, sources);
    open.push(walk);
    return walk;
  };
}
