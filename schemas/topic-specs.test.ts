import { describe, expect, it } from '@jest/globals';
import type { Topic } from '../runtime/topic.ts';
import { changelogSpec, physicalName, topicSpecs } from './topic-specs.ts';
import { rawTopic, topics } from './topics.ts';

const day = 86_400_000;
const all: readonly Topic[] = [rawTopic('orders'), ...Object.values(topics)];
const specs = topicSpecs({ prefix: 'eu.', partitions: 4, topics: all });
const spec = (name: string) => specs.find((spec) => spec.name === name);

describe('the specs of topics', () => {
  it('carry the prefix, and the deployment’s partitions where they are shared', () => {
    expect(specs.map(({ name }) => name)).toEqual(all.map((topic) => physicalName('eu.', topic)));
    expect(spec('eu.raw.orders')?.partitions).toBe(4);
    expect(spec('eu.freshet.progress')?.partitions).toBe(1);
  });

  it('give a stream its retention', () => {
    expect(spec('eu.events.identified')?.config).toEqual({
      'cleanup.policy': 'delete',
      'retention.ms': String(400 * day),
      'segment.ms': String(day),
      'message.timestamp.type': 'CreateTime',
      'compression.type': 'producer',
      'max.message.bytes': '4194304',
    });
  });

  it('let the broker stamp what comes from outside, in records of up to 1 MiB', () => {
    for (const name of ['eu.raw.orders', 'eu.events.raw']) {
      expect(spec(name)?.config).toMatchObject({ 'message.timestamp.type': 'LogAppendTime', 'max.message.bytes': '1048576' });
    }
  });

  it('roll every segment within a day, so that deletion and compaction are never later than that', () => {
    for (const { config } of [...specs, changelogSpec('p', { prefix: '', partitions: 1 })]) {
      expect(Number(config['segment.ms'])).toBeLessThanOrEqual(day);
    }
  });

  it('keep tombstones of compacted topics for a day, and compact them in the end', () => {
    const compacted = [...specs, changelogSpec('p', { prefix: '', partitions: 1 })].filter(
      ({ config }) => config['cleanup.policy'] === 'compact',
    );
    expect(compacted.map(({ name }) => name)).toEqual([
      'eu.identity.resembles',
      'eu.identity.review',
      'eu.customers.seeds',
      'eu.segments.members',
      'eu.segments.rules',
      'eu.sources.freshness',
      'eu.freshet.progress',
      'p.changelog',
    ]);
    for (const { config } of compacted) {
      expect(Number(config['delete.retention.ms'])).toBeGreaterThanOrEqual(day);
      expect(Number(config['max.compaction.lag.ms'])).toBeGreaterThan(0);
    }
  });

  it('keep for ever what says so', () => {
    const [kept] = topicSpecs({
      prefix: '',
      partitions: 1,
      topics: [{ ...rawTopic('a'), retention: { kind: 'delete', retentionMs: -1 } }],
    });
    expect(kept?.config).toMatchObject({ 'retention.ms': '-1', 'segment.ms': String(day) });
  });

  it('leave replication to the brokers', () => {
    for (const { config, ...rest } of specs) {
      expect(rest).not.toHaveProperty('replicationFactor');
      expect(config).not.toHaveProperty('min.insync.replicas');
    }
  });

  it('name a changelog after its processor', () => {
    expect(changelogSpec('stitch-identity', { prefix: 'eu.', partitions: 8 })).toMatchObject({
      name: 'eu.stitch-identity.changelog',
      partitions: 8,
    });
  });
});
