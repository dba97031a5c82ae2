import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { operators } from '../processors/evaluate-segments/operators/registry.ts';
import { loadWorkspace } from './load.ts';
import { segmentOperatorsPage } from './segment-reference.ts';
import { runSegmentTests } from './segment-tests.ts';

const page = join(import.meta.dirname, '../docs/segments.md');

describe('the page about segments', () => {
  it('shows segments that are valid and do what their tests say', async () => {
    const blocks = [...(await readFile(page, 'utf8')).matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
    const dir = await mkdtemp(join(tmpdir(), 'segments-page-'));
    try {
      await mkdir(join(dir, 'segments'));
      await writeFile(join(dir, 'freshet.yaml'), 'name: page\nsecret: of a page\n');
      for (const [index, block] of blocks.entries()) await writeFile(join(dir, 'segments', `${index}.yaml`), block);
      const workspace = await loadWorkspace(dir, {});
      expect(workspace.segments.length).toBeGreaterThan(8);
      expect(workspace.tests.length).toBeGreaterThanOrEqual(workspace.segments.length);
      expect(
        runSegmentTests(workspace).flatMap(({ test, failures }) => failures.map((each) => `${test.segment.name} ${each}`)),
      ).toEqual([]);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('names every operator, and the page of the operators is as they declare it', async () => {
    const unaligned = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').trim();
    const text = await readFile(page, 'utf8');
    expect(operators.filter(({ name }) => !text.includes(name)).map(({ name }) => name)).toEqual([]);
    const reference = await readFile(join(import.meta.dirname, '../docs/segment-operators.md'), 'utf8');
    expect(unaligned(reference)).toBe(unaligned(segmentOperatorsPage()));
  });
});
