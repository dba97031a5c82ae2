import { describe, expect, it } from '@jest/globals';
import { compileSource } from '../schemas/source-schema.ts';
import { checkReferences } from './check-references.ts';
import type { YamlFile } from './yaml-file.ts';

const file = { problem: (path: readonly unknown[], message: string) => ({ path, message }) } as unknown as YamlFile;
const site = {
  source: 'site',
  description: 'd',
  owner: 'o',
  endpoint: { write_keys: [`sha256:${'0'.repeat(64)}`] },
};
const asking = (...events: string[]) => ({
  source: 'weather',
  description: 'd',
  owner: 'o',
  enrich: {
    events,
    key: 'event.properties.city',
    url: 'https://weather.example/{key}',
    fresh_for: '1h',
    budget: { calls: 1, per: '1h' },
  },
  transform: [{ event: 'Weather Told', identifiers: { user_id: 'record.identifiers.user_id' } }],
});
const problems = (...sources: object[]) =>
  checkReferences({
    sources: sources.map((source) => ({ file, value: compileSource(source, {}) })),
    segments: [],
    allSegments: true,
    activations: [],
    templates: [],
  });

describe('an enrichment', () => {
  it('that would never ask is a problem at the event that nobody else carries', () => {
    expect(problems({ ...site, events: ['Seen'] }, asking('Seen', 'Seem', 'Weather Told'))).toEqual([
      { path: ['enrich', 'events', 1], message: 'expected an event that another source carries (Seen), found "Seem"' },
      { path: ['enrich', 'events', 2], message: 'expected an event that another source carries (Seen), found "Weather Told"' },
    ]);
  });

  it('is believed where a source may carry anything', () => {
    expect(problems(site, asking('Seem'))).toEqual([]);
  });
});
