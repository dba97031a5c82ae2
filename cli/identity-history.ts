import { Lineage } from '../processors/stitch-identity/lineage.ts';
import type { Names } from '../runtime/environment.ts';
import type { Kafka } from '../runtime/kafka/contract.ts';
import type { SerdeSource } from '../runtime/topic.ts';
import { topics } from '../schemas/topics.ts';
import type { Visit } from './identity-explain.ts';
import { scanTopic, type Verdict } from './scan.ts';

/** All events that are retained, and what the control records between them tell, once they have been visited. */
export function retainedHistory(
  kafka: Kafka,
  serdes: SerdeSource,
  names: Names,
): { readonly visit: Visit; readonly lineage: Lineage } {
  const serde = serdes.of(topics.eventsIdentified);
  const lineage = new Lineage();
  const visit: Visit = (each) =>
    scanTopic(kafka, names.topic(topics.eventsIdentified.name), async ({ value }): Promise<Verdict> => {
      if (value === null) return 'go on';
      await serde.prepare?.(value);
      const { event, marker } = serde.decode(value);
      if (event) each(event);
      else if (marker) lineage.take(marker);
      return 'go on';
    });
  return { visit, lineage };
}
