import type { SerdeSource } from '../runtime/topic.ts';
import type { RawDecoder } from '../schemas/raw-decoder.ts';

/** Serdes whose byte topics also fetch what decoding a stranger's Avro will need, before the processor sees the record. */
export function withRawSchemas(serdes: SerdeSource, decoder: Pick<RawDecoder, 'prepare'>): SerdeSource {
  return {
    of: (topic) => {
      const serde = serdes.of(topic);
      if (topic.format.kind !== 'bytes') return serde;
      return {
        encode: (value) => serde.encode(value),
        decode: (bytes) => serde.decode(bytes),
        prepare: (bytes) => decoder.prepare(bytes),
      };
    },
  };
}
