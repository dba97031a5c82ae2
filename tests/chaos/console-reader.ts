import { spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { localTools } from '../../infra/local/tools.ts';

/** A record as Kafka's own client prints it. */
export interface Printed {
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer;
  readonly value: Buffer;
}

/** The console consumer ends when nothing has come for so long, milliseconds. */
const QUIET_MS = 15_000;
const FIELD = '<|f|>';
const END = '<|end of record|>\n';

/**
 * Reads what is committed in a topic with the console consumer of Kafka itself, whole: bytes as they are, in order within each
 * partition. It starts at once and waits while nobody reads; `count` is how many records are expected: with so many it ends at once, otherwise after a while.
 */
export async function openTopic(brokers: readonly string[], topic: string, count: number): Promise<AsyncIterable<Printed>> {
  const { java, kafkaClassPath } = await localTools(() => undefined);
  const printed = [
    'print.partition=true',
    'print.offset=true',
    'print.key=true',
    `key.separator=${FIELD}`,
    `line.separator=${END}`,
  ];
  const jvm = ['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', kafkaClassPath];
  const what = ['--bootstrap-server', brokers.join(','), '--topic', topic, '--from-beginning'];
  const until = ['--timeout-ms', String(QUIET_MS), ...(count > 0 ? ['--max-messages', String(count)] : [])];
  const how = ['--isolation-level', 'read_committed', ...printed.flatMap((property) => ['--property', property])];
  const args = [...jvm, 'org.apache.kafka.tools.consumer.ConsoleConsumer', ...what, ...until, ...how];
  const child = spawn(java, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  // What nobody reads is thrown away when the child ends.
  const output = child.stdout.pipe(new PassThrough());
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  async function* rows(): AsyncGenerator<Printed> {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of output as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let from = 0;
      for (let end = rest.indexOf(END, from); end >= 0; end = rest.indexOf(END, from)) {
        yield parse(rest.subarray(from, end));
        from = end + END.length;
      }
      rest = rest.subarray(from);
    }
    const code = await ended;
    if (code !== 0) throw new Error(`the console consumer of ${topic} ended with ${String(code)}`);
  }
  return rows();
}

function parse(line: Buffer): Printed {
  const first = line.indexOf(FIELD);
  const second = line.indexOf(FIELD, first + FIELD.length);
  const third = line.indexOf(FIELD, second + FIELD.length);
  return {
    partition: Number(line.toString('latin1', 'Partition:'.length, first)),
    offset: Number(line.toString('latin1', first + FIELD.length + 'Offset:'.length, second)),
    key: line.subarray(second + FIELD.length, third),
    value: line.subarray(third + FIELD.length),
  };
}
