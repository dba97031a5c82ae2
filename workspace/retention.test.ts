import { describe, expect, it } from '@jest/globals';
import { segmentCompiler } from '../processors/evaluate-segments/segment.ts';
import { retentionWarnings } from './retention.ts';
import type { YamlFile } from './yaml-file.ts';

const compile = segmentCompiler();
const file = { problem: (path: readonly unknown[], message: string) => ({ path, message }) } as unknown as YamlFile;
const warned = (when: Readonly<Record<string, unknown>>): readonly string[] =>
  retentionWarnings([{ file, value: compile({ segment: 'faithful', when }) }]).map(({ message }) => message);

describe('a window that is longer than the history is retained', () => {
  it('is warned of, by segment, leaf, window and retention', () => {
    expect(warned({ count: { of: 'Order Completed', within: '730d', at_least: 5 } })).toEqual([
      'faithful: the count of Order Completed looks back 730d, but events.identified is retained 400d: after an edit it is complete only for what came since',
    ]);
  });

  it('is no matter where it fits, or where there is none', () => {
    expect(warned({ count: { of: 'Order Completed', within: '365d', at_least: 5 } })).toEqual([]);
    expect(warned({ count: { of: 'Order Completed', at_least: 5 } })).toEqual([]);
    expect(warned({ sum: { of: 'Order Completed', value: 'item.total', during: 'this year', at_least: 5 } })).toEqual([]);
  });
});
