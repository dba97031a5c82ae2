import express, { type Request, Router } from 'express';
import { Counter, type Registry } from 'prom-client';
import type { Clock } from '../../../runtime/clock.ts';
import type { Names } from '../../../runtime/environment.ts';
import { FreshetError } from '../../../runtime/errors.ts';
import { appendHop, HOPS } from '../../../runtime/hops.ts';
import type { Producer } from '../../../runtime/kafka/contract.ts';
import { partitionFor } from '../../../runtime/partition.ts';
import type { Feed } from '../../../runtime/watermarks/contract.ts';
import type { SourceConfig, WebhookConfig } from '../../../schemas/config.ts';
import { hashId } from '../../../schemas/keys.ts';
import { rawTopic } from '../../../schemas/topics.ts';
import { checkSignature } from './signature.ts';

export interface WebhookOptions {
  readonly sources: readonly SourceConfig[];
  readonly producer: Producer;
  readonly names: Names;
  readonly partitions: number;
  readonly feed: Pick<Feed, 'begin'>;
  readonly clock: Clock;
  readonly registry: Registry;
}

const MOST_BYTES = 900_000;
/** How long Kafka may take to acknowledge before the answer is 503, milliseconds. */
const PRODUCE_MS = 10_000;

/**
 * `POST /<source>` for sources with a webhook: the body as it came is checked against its signature, and is one record of the
 * source's raw topic. A 200 means that it is in Kafka; anything else promises nothing, and sending the same again does no harm:
 * the id of the record is that of the message, or its signature.
 */
export function webhookRouter(options: WebhookOptions): Router {
  const { sources, feed, registry } = options;
  const webhooks = new Map(
    sources.flatMap(({ name, input }) => (input.kind === 'webhook' ? [[name, input.webhook] as const] : [])),
  );
  const requests = new Counter({
    name: 'freshet_webhook_requests_total',
    help: 'Calls of others, by what became of them',
    labelNames: ['source', 'result'],
    registers: [registry],
  });
  const router = Router();
  router.post('/:source', (request, response, next) => {
    const { source } = request.params;
    const webhook = webhooks.get(source);
    if (webhook === undefined) return next();
    const finished = feed.begin();
    const answer = (status: number, code: string, message?: string): void => {
      requests.inc({ source, result: code });
      if (status === 503) response.set('Retry-After', '2');
      response.status(status).json(message === undefined ? { success: true } : { code, message });
      finished();
    };
    express.raw({ type: () => true, limit: MOST_BYTES, inflate: false })(request, response, (error?: unknown) => {
      if (error !== undefined) {
        const tooLarge = error instanceof Error && 'status' in error && error.status === 413;
        if (response.writableEnded || request.destroyed) return finished();
        return tooLarge
          ? answer(413, 'body_too_large', `the body is larger than ${MOST_BYTES} bytes`)
          : answer(400, 'bad_request', 'the body cannot be read');
      }
      take(options, source, webhook, request).then(
        ([status, code, message]) => answer(status, code, message),
        () => answer(503, 'kafka_unavailable', 'it could not be written; send it again later'),
      );
    });
  });
  return router;
}

async function take(
  { producer, names, partitions, clock }: WebhookOptions,
  source: string,
  webhook: WebhookConfig,
  { headers, body: given }: Request,
): Promise<readonly [status: number, code: string, message?: string]> {
  const body: unknown = given;
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const now = clock.now();
  const signed = checkSignature(webhook, headers, bytes, now);
  if (signed.kind === 'refused') return [401, signed.code, signed.message];
  try {
    JSON.parse(bytes.toString('utf8'));
  } catch {
    return [400, 'invalid_json', 'the body is not JSON'];
  }
  const own = webhook.idHeader === null ? undefined : headers[webhook.idHeader];
  const messageId = hashId(source, typeof own === 'string' && own !== '' ? own : signed.signature);
  const record = {
    key: Buffer.from(messageId),
    value: bytes,
    headers: {
      source: Buffer.from(source),
      'received-at': Buffer.from(String(now)),
      'message-id': Buffer.from(messageId),
      [HOPS]: Buffer.from(appendHop(undefined, 'webhook', now)),
    },
  };
  const batch = { topic: names.topic(rawTopic(source).name), partition: partitionFor(messageId, partitions), records: [record] };
  try {
    await producer.send(batch, { timeoutMs: PRODUCE_MS });
  } catch (error) {
    if (error instanceof FreshetError && error.code === 'RECORD_TOO_LARGE')
      return [413, 'body_too_large', 'it is larger than the brokers take'];
    throw error;
  }
  return [200, 'accepted'];
}
