import { describe, expect, it } from '@jest/globals';
import { segmentCompiler } from '../processors/evaluate-segments/segment.ts';
import { compileActivation } from '../processors/plan-activations/activation.ts';
import { withDemands } from './demands.ts';

const minute = 60_000;
const mail = (more: object = {}) =>
  compileActivation({
    activation: 'mail',
    on: { segment: 'buyers' },
    channel: 'email',
    address: 'email',
    template: 'mail',
    valid_for: '1h',
    ...more,
  });
const buyers = (more: object = {}) =>
  segmentCompiler()({ segment: 'buyers', when: { count: { of: 'Order', at_least: 1 } }, ...more });
const joined = (...given: Parameters<typeof withDemands>) => withDemands(...given)[0]?.freshness;

describe('what a message demands', () => {
  it('is nothing where nobody demands anything', () => {
    expect(joined([mail()], [buyers()])).toBeUndefined();
    expect(joined([mail()], [buyers()], { sms: { max_age: { stock: '1m' } } })).toBeUndefined();
  });

  it('is what it demands itself, its segment and its channel: of each source the least age', () => {
    const own = mail({ max_age: { stock: '20m', shop: '5m' } });
    const segment = buyers({ max_age: { stock: '10m' }, beyond: 'drop' });
    expect(joined([own], [segment], { email: { max_age: { shop: '1h', prices: '2h' } } })).toEqual({
      maxAgeMs: { stock: 10 * minute, shop: 5 * minute, prices: 120 * minute },
      beyond: 'hold',
    });
  });

  it('goes beyond as the nearest says that demands anything: itself, then the segment, then the channel', () => {
    const segment = buyers({ max_age: { stock: '10m' }, beyond: 'drop' });
    const channels = { email: { max_age: { shop: '1h' }, beyond: 'send_anyway' } } as const;
    expect(joined([mail()], [segment], channels)).toMatchObject({ beyond: 'drop' });
    expect(joined([mail()], [buyers()], channels)).toMatchObject({ beyond: 'send_anyway' });
    expect(joined([mail({ max_age: { shop: '1m' } })], [segment], channels)).toMatchObject({ beyond: 'hold' });
  });

  it('changes nothing about what the segment means', () => {
    expect(buyers({ max_age: { stock: '10m' } }).version).toBe(buyers().version);
    expect(() => buyers({ beyond: 'drop' })).toThrow();
  });
});
