import type { GroupMember, Kafka, MemberOptions } from '../../../runtime/kafka/contract.ts';

/** A client whose members take all tasks for their own for so long, whatever the group says, and only then ask the group. */
export function forcedMember(kafka: Kafka, forMs: number): Kafka {
  const member = (options: MemberOptions): GroupMember => {
    const honest = kafka.member(options);
    let timer: NodeJS.Timeout | undefined;
    return {
      start: async () => {
        options.onAssignment(Array.from({ length: options.tasks }, (_, task) => task));
        timer = setTimeout(() => void honest.start(), forMs);
      },
      stop: async () => {
        clearTimeout(timer);
        await honest.stop();
      },
    };
  };
  return {
    admin: kafka.admin,
    reader: () => kafka.reader(),
    producer: () => kafka.producer(),
    transactionalProducer: (id) => kafka.transactionalProducer(id),
    member,
    close: () => kafka.close(),
  };
}
