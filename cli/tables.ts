import type { Processor } from '../runtime/processor.ts';
import { GlobalTables, type GlobalTablesOptions } from '../runtime/tables/global-tables.ts';

/** Reads the tables of these processors whole, and hands them over; nothing is to be processed before. */
export async function openTables(
  processors: readonly Processor[],
  options: Omit<GlobalTablesOptions, 'topics'>,
): Promise<GlobalTables> {
  const topics = new Map(processors.flatMap(({ tables = [] }) => tables).map((topic) => [topic.name, topic]));
  const tables = await GlobalTables.open({ ...options, topics: [...topics.values()] });
  for (const processor of processors) processor.open?.(tables);
  return tables;
}
