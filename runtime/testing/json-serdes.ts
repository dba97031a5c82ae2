import { FreshetError } from '../errors.ts';
import type { Serde, SerdeSource, Topic } from '../topic.ts';

/** Every topic as JSON, for tests of the runtime itself. */
export const jsonSerdes: SerdeSource = {
  of: <V>(_topic: Topic<V>): Serde<V> => ({
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) => {
      try {
        return JSON.parse(bytes.toString('utf8')) as V;
      } catch (cause) {
        throw new FreshetError('DECODE_FAILED', 'The value is no JSON.', { cause });
      }
    },
  }),
};

/** A topic declaration for tests. */
export function testTopic<V>(name: string): Topic<V> {
  return {
    name,
    format: { kind: 'json' },
    key: 'a key',
    partitions: 'shared',
    retention: { kind: 'delete', retentionMs: -1 },
    timestamps: 'create',
    internal: true,
    doc: 'A topic of a test.',
  };
}
