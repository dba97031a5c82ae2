import { connect } from 'node:net';

const METADATA = 3;
const MESSAGE_LIMIT = 1_000_000;

/** The ids of the brokers which the one at this address knows to be alive; none while it does not answer within a second. */
export async function brokersSeenBy(host: string, port: number): Promise<number[]> {
  const answer = await ask(host, port, metadataRequest()).catch(() => undefined);
  if (answer === undefined) return [];
  const ids: number[] = [];
  let at = 8;
  for (let left = answer.readInt32BE(4); left > 0; left -= 1) {
    ids.push(answer.readInt32BE(at));
    const rackAt = at + 4 + 2 + answer.readInt16BE(at + 4) + 4;
    at = rackAt + 2 + Math.max(0, answer.readInt16BE(rackAt));
  }
  return ids;
}

/** Whether the schema registry has read its log and answers the Confluent API. */
export async function registryAnswers(url: string): Promise<boolean> {
  try {
    const paths = ['/health/ready', '/apis/ccompat/v7/subjects'];
    const answers = await Promise.all(paths.map((path) => fetch(new URL(path, url), { signal: AbortSignal.timeout(2000) })));
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    return answers.every((answer) => answer.ok);
  } catch {
    return false;
  }
}

/** A Metadata request, version 1, for no topic: header (api key, version, correlation id, no client id) and an empty array. */
function metadataRequest(): Buffer {
  const request = Buffer.alloc(4 + 14);
  request.writeInt32BE(14, 0);
  request.writeInt16BE(METADATA, 4);
  request.writeInt16BE(1, 6);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  return request;
}

/** Sends one request and resolves with the answer behind its length: correlation id, then the body. */
function ask(host: string, port: number, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let received = Buffer.alloc(0);
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(1000, () => fail(new Error('no answer')));
    socket.on('error', fail).on('close', () => reject(new Error('closed')));
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 4 ? MESSAGE_LIMIT : received.readInt32BE(0);
      if (received.length < 4 + length) return;
      resolve(received.subarray(4));
      socket.destroy();
    });
  });
}
