import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadWorkspace, type Workspace } from '../../workspace/load.ts';
import { runSegmentTests } from '../../workspace/segment-tests.ts';
import { workspaceJsonSchemas } from '../../workspace/json-schemas.ts';
import { page, patterns, type Pattern } from './table.ts';

let workspace: Workspace;
let all: readonly Pattern[];
beforeAll(async () => {
  workspace = await loadWorkspace(import.meta.dirname, {});
  all = await patterns();
});

describe('the published segments', () => {
  it('do what their tests say, all of them in far less than a second', () => {
    const started = performance.now();
    const results = runSegmentTests(workspace);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(results.flatMap(({ test, failures }) => failures.map((failure) => `${test.file}: ${failure}`))).toEqual([]);
  });

  it('are sixty and more, of six systems, in forty and more combinations of operators', () => {
    expect(all.length).toBeGreaterThanOrEqual(60);
    expect(all.filter(({ stated }) => stated).length).toBeGreaterThanOrEqual(50);
    expect([...new Set(all.map(({ vendor }) => vendor))]).toEqual([
      'Adobe',
      'Braze',
      'CleverTap',
      'Klaviyo',
      'PostHog',
      'Segment',
    ]);
    expect(new Set(all.map(({ combination }) => combination)).size).toBeGreaterThanOrEqual(40);
  });

  it('have each a customer who qualifies and one who nearly does', () => {
    const tests = (name: string): readonly string[] =>
      workspace.tests.filter(({ segment }) => segment.name === name).map((test) => test.name);
    expect(all.filter(({ segment }) => !tests(segment).some((name) => name.startsWith('nearly: ')))).toEqual([]);
    const nobody = all.filter(
      ({ segment }) =>
        !workspace.tests.some((test) => test.segment.name === segment && test.expected.some(({ member }) => member)),
    );
    expect(nobody).toEqual([]);
  });

  it('use every operator there is, but for what none of them has: a figure that is worth less the older it is', () => {
    const { $defs } = workspaceJsonSchemas().segments as { $defs: { rule: { properties: object } } };
    const used = all.map(({ combination }) => combination).join(' ');
    expect(Object.keys($defs.rule.properties).filter((name) => !new RegExp(`\\b${name}\\b`).test(used))).toEqual(['in_stock']);
  });

  it('stand in the table as they are', async () => {
    const unaligned = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');
    expect(unaligned(await readFile(join(import.meta.dirname, 'README.md'), 'utf8'))).toBe(unaligned(await page()));
  });
});
