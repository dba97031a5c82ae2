import { describe, expect, it } from '@jest/globals';
import { durabilityWarnings } from './durability.ts';

describe('durability', () => {
  it('is as it should be with three copies, two of them in sync, or with all that one broker can do', () => {
    expect(durabilityWarnings(5, [{ topic: 'a', replicas: 3, minInSync: 2 }])).toEqual([]);
    expect(durabilityWarnings(1, [{ topic: 'a', replicas: 1, minInSync: 1 }])).toEqual([]);
  });

  it('is warned of where a topic has fewer copies than the cluster allows, or one of them suffices', () => {
    const warnings = durabilityWarnings(3, [
      { topic: 'once', replicas: 1, minInSync: 1 },
      { topic: 'lax', replicas: 3, minInSync: 1 },
      { topic: 'good', replicas: 3, minInSync: 2 },
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/fewer than 3 times.*: once$/),
      expect.stringMatching(/min.insync.replicas to 2: lax$/),
    ]);
  });
});
