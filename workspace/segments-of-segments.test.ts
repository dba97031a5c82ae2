import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { loadWorkspace } from './load.ts';

const dirs: string[] = [];
afterEach(async () => {
  await Promise.all(dirs.splice(0).map((dir) => rm(dir, { recursive: true })));
});

async function workspaceOf(rules: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'segments-'));
  dirs.push(dir);
  await mkdir(join(dir, 'segments'));
  await writeFile(join(dir, 'freshet.yaml'), 'name: library\nsecret: of a test\n');
  for (const [name, when] of Object.entries(rules))
    await writeFile(join(dir, 'segments', `${name}.yaml`), `segment: ${name}\nwhen:\n  ${when}\n`);
  return dir;
}

const problems = async (rules: Readonly<Record<string, string>>): Promise<readonly string[]> => {
  const dir = await workspaceOf(rules);
  const error: unknown = await loadWorkspace(dir, {}).catch((thrown: unknown) => thrown);
  return (error as Error).message.split('\n');
};

describe('a segment of segments', () => {
  it('has the rule of the other one, changes its version with it, and shares its state', async () => {
    const rules = {
      readers: 'count: { of: Read, at_least: 3 }',
      friends: 'all: [segment: readers, { count: { of: Invited, at_least: 1 } }]',
    };
    const { segments } = await loadWorkspace(await workspaceOf(rules), {});
    const [friends, readers] = segments;
    expect(friends?.events).toEqual(['Invited', 'Read']);
    expect(friends?.leaves.map(({ hash }) => hash)).toContain(readers?.leaves[0]?.hash);
    const edited = await loadWorkspace(await workspaceOf({ ...rules, readers: 'count: { of: Read, at_least: 4 }' }), {});
    expect(edited.segments[0]?.version).not.toBe(friends?.version);
  });

  it('that goes back to itself is refused, with the way round, in each of its files', async () => {
    expect(await problems({ a: 'segment: b', b: 'none: [segment: c]', c: 'any: [segment: a]' })).toEqual([
      'segments/a.yaml:3:3 when.segment: expected a segment that does not depend on this one, found a → b → c → a',
      'segments/b.yaml:3:10 when.none.0.segment: expected a segment that does not depend on this one, found b → c → a → b',
      'segments/c.yaml:3:9 when.any.0.segment: expected a segment that does not depend on this one, found c → a → b → c',
    ]);
  });

  it('names a segment that is there and can be used', async () => {
    expect(await problems({ a: 'segment: nowhere' })).toEqual([
      'segments/a.yaml:3:3 when.segment: expected a segment of this workspace, found "nowhere"',
    ]);
    expect(await problems({ a: 'segment: b', b: 'count: { of: Read, within: 0s, at_least: 1 }' })).toEqual([
      'segments/a.yaml:3:3 when.segment: expected a valid segment: see b, expected a duration above zero',
      'segments/b.yaml:3:22 when.count.within: expected a duration above zero',
    ]);
  });
});

describe('a figure that is published', () => {
  it('has a name of its own', async () => {
    const count = (limit: number): string => `count: { of: Read, at_least: ${limit}, as: reads }`;
    expect(await problems({ a: count(1), b: count(2) })).toEqual([
      'segments/b.yaml:3:35 when.count.as: expected a name of its own, "reads" is another figure in segments/a.yaml',
    ]);
    expect((await loadWorkspace(await workspaceOf({ a: count(1), b: count(1) }), {})).segments).toHaveLength(2);
  });
});
