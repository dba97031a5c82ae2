import { describe, expect, it } from '@jest/globals';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import { OneCustomer, source } from './fixture.ts';
import { evaluateSegments } from './index.ts';
import { segmentCompiler } from './segment.ts';

const compile = segmentCompiler();
const segment = (name: string, of: string, more: object = {}) =>
  compile({ segment: name, when: { count: { of, within: '1h', at_least: 1 } }, ...more });

describe('a segment with a topic of its own', () => {
  const own = { publish: { topic: 'segments.readers' } };

  it('tells its changes there as well, the same records in the same order, and no others', () => {
    const segments = [segment('readers', 'Page Read', own), segment('buyers', 'Order Completed')];
    const sent: (readonly [topic: string, row: MembershipChange, headers: unknown])[] = [];
    const inner = evaluateSegments({ segments, sources: [source('web')] });
    const spied: typeof inner = {
      ...inner,
      process: (record, context) =>
        inner.process(record, {
          ...context,
          forward: (topic, key, value, headers) => {
            if (topic.name.startsWith('segments.') && topic.name !== 'segments.members')
              sent.push([topic.name, value as MembershipChange, headers]);
            context.forward(topic, key, value, headers);
          },
        }),
    };
    const customer = new OneCustomer(spied);
    for (const [index, event] of ['Order Completed', 'Page Read', 'Page Read'].entries())
      customer.event({ id: `m${index}`, event, at: index * 7_200_000 });
    const on = (topic: string): unknown[] => sent.flatMap(([name, ...rest]) => (name === topic ? [rest] : []));
    const readers = on('segments.membership').filter((each) => (each as [MembershipChange])[0].segment === 'readers');
    expect(readers.length).toBeGreaterThan(0);
    expect(on('segments.readers')).toEqual(readers);
    expect(on('segments.membership').length).toBeGreaterThan(readers.length);
    expect(inner.outputs.map(({ name }) => name)).toContain('segments.readers');
  });

  it('is the same segment by that: its version does not change', () => {
    expect(segment('readers', 'Page Read', own).version).toBe(segment('readers', 'Page Read').version);
  });

  it('tells nothing there as a shadow, and makes no topic', () => {
    const shadow = segment('readers', 'Page Read', { ...own, mode: 'shadow' });
    const { outputs } = evaluateSegments({ segments: [shadow], sources: [source('web')] });
    expect(outputs.map(({ name }) => name)).not.toContain('segments.readers');
  });

  it.each(['segments.membership', 'segments.members'])('cannot have %s', (topic) => {
    expect(() => segment('readers', 'Page Read', { publish: { topic } })).toThrow(/expected a topic of its own/);
  });

  it.each(['events.raw', 'segments.', 'segments.Readers', 'segments.a.b', 'readers'])('cannot have one named %s', (topic) => {
    expect(() => segment('readers', 'Page Read', { publish: { topic } })).toThrow(/opic of its own/);
  });
});
