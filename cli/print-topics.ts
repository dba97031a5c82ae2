import { loadWorkspace } from '../workspace/load.ts';
import { formatDuration } from '../schemas/duration.ts';
import type { Topic } from '../runtime/topic.ts';
import { segmentTopic } from '../schemas/topics.ts';
import { allTopics } from './pipeline.ts';
import type { WorkspaceChoice } from './validate.ts';

/** Every topic of the workspace, one a line. */
export async function printTopics({ workspace }: WorkspaceChoice): Promise<void> {
  const { sources, segments } = await loadWorkspace(workspace, process.env);
  const own = segments.flatMap(({ topic }) => (topic === undefined ? [] : [segmentTopic(topic)]));
  const rows = [...allTopics(sources), ...own].map((topic) => [
    topic.name,
    valueOf(topic),
    retentionOf(topic),
    topic.key,
    topic.doc,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const [name = '', value = '', retention = '', key = '', doc = ''] = row;
    process.stdout.write(
      `${name.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${retention.padEnd(widths[2] ?? 0)}  key: ${key}. ${doc}\n`,
    );
  }
}

function valueOf({ format }: Topic): string {
  return format.kind === 'avro' ? `avro ${format.schema}` : format.kind;
}

function retentionOf({ retention }: Topic): string {
  if (retention.kind === 'compact') return 'compacted';
  return retention.retentionMs < 0 ? 'kept for ever' : formatDuration(retention.retentionMs);
}
