import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import { Registry } from 'prom-client';
import { prefixedNames } from '../../../runtime/environment.ts';
import type { ProduceBatch } from '../../../runtime/kafka/contract.ts';
import { compileSource } from '../../../schemas/source-schema.ts';
import { webhookRouter } from './index.ts';

const now = Date.UTC(2026, 2, 14, 3, 12, 40);
const env = { OLD: 'the old secret', NEW: 'the new secret' };
const source = (name: string, signature: unknown) =>
  compileSource(
    {
      source: name,
      description: 'd',
      owner: 'o',
      webhook: { secrets: ['${OLD}', '${NEW}'], signature },
      transform: [{ event: 'Paid', identifiers: { user_id: 'record.who' } }],
    },
    env,
  );
const sources = [
  source('bank', 'stripe'),
  source('code', 'github'),
  source('kiosk', { header: 'X-Signature', encoding: 'base64', timestamp: 'X-Time' }),
];
const hmac = (text: string, encoding: 'hex' | 'base64', secret = env.NEW): string =>
  createHmac('sha256', secret).update(text).digest(encoding);
const seconds = now / 1000;

let close = (): void => undefined;
afterEach(() => close());

async function open() {
  const sent: ProduceBatch[] = [];
  const state = { open: 0, fails: false };
  const producer = {
    send: async (batch: ProduceBatch) => {
      if (state.fails) throw new Error('away');
      sent.push(batch);
      return { topic: batch.topic, partition: batch.partition, baseOffset: 0, appendTime: now };
    },
    close: async () => undefined,
  };
  const begin = () => {
    state.open += 1;
    return () => void (state.open -= 1);
  };
  const registry = new Registry();
  const names = prefixedNames('t.');
  const options = { sources, producer, names, partitions: 4, feed: { begin }, clock: { now: () => now }, registry };
  const server = createServer(express().use('/webhooks', webhookRouter(options))).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  close = () => void server.close();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/`;
  const post = async (to: string, body: string, headers: Record<string, string>) => {
    const answer = await fetch(url + to, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
    return { status: answer.status, body: await answer.text() };
  };
  return { sent, state, registry, post };
}

describe('a call of somebody else', () => {
  it.each([
    ['bank', { 'stripe-signature': `t=${seconds},v1=${hmac(`${seconds}.{"who":"ada"}`, 'hex')}` }],
    ['bank', { 'stripe-signature': `t=${seconds},v1=${'0'.repeat(64)},v1=${hmac(`${seconds}.{"who":"ada"}`, 'hex', env.OLD)}` }],
    ['code', { 'x-hub-signature-256': `sha256=${hmac('{"who":"ada"}', 'hex')}`, 'x-github-delivery': 'd-1' }],
    ['kiosk', { 'x-signature': hmac(`${seconds}.{"who":"ada"}`, 'base64'), 'x-time': String(seconds) }],
  ])('that is signed is in Kafka when it is answered, as it came: %s', async (name, headers) => {
    const { sent, post, state } = await open();
    expect(await post(name, '{"who":"ada"}', headers)).toMatchObject({ status: 200 });
    expect(sent[0]).toMatchObject({ topic: `t.raw.${name}` });
    const record = sent[0]?.records[0];
    expect(record?.value?.toString()).toBe('{"who":"ada"}');
    expect(record?.headers?.['source']?.toString()).toBe(name);
    expect(state.open).toBe(0);
  });

  it.each([
    ['without a signature', 'bank', {}, 401, 'missing_signature'],
    [
      'signed by somebody else',
      'code',
      { 'x-hub-signature-256': `sha256=${hmac('{"who":"ada"}', 'hex', 'x')}` },
      401,
      'bad_signature',
    ],
    ['of another body', 'code', { 'x-hub-signature-256': `sha256=${hmac('{"who":"bob"}', 'hex')}` }, 401, 'bad_signature'],
    [
      'with another time than was signed',
      'kiosk',
      { 'x-signature': hmac(`${seconds}.{"who":"ada"}`, 'base64'), 'x-time': String(seconds + 1) },
      401,
      'bad_signature',
    ],
    [
      'that is played again later',
      'kiosk',
      { 'x-signature': hmac(`${seconds - 301}.{"who":"ada"}`, 'base64'), 'x-time': String(seconds - 301) },
      401,
      'too_old',
    ],
    ['to a source that has no webhook', 'shop', {}, 404, ''],
  ])('%s is refused, and nothing is written', async (_, name, headers, status, code) => {
    const { sent, post } = await open();
    const answer = await post(name, '{"who":"ada"}', headers);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(code);
    expect(sent).toEqual([]);
  });

  it('that is no JSON is refused although it is signed', async () => {
    const { post } = await open();
    const answer = await post('code', 'who=ada', { 'x-hub-signature-256': `sha256=${hmac('who=ada', 'hex')}` });
    expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('invalid_json') });
  });

  it('comes again under the same id, so that it counts once', async () => {
    const { sent, post } = await open();
    const headers = { 'x-hub-signature-256': `sha256=${hmac('{"who":"ada"}', 'hex')}`, 'x-github-delivery': 'd-1' };
    await post('code', '{"who":"ada"}', headers);
    await post('code', '{"who":"ada"}', headers);
    await post('code', '{"who":"ada"}', { ...headers, 'x-github-delivery': 'd-2' });
    const ids = sent.map(({ records }) => records[0]?.headers?.['message-id']?.toString());
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it('counts once however its signature is spelled, where nothing else names it', async () => {
    const { sent, post } = await open();
    const signature = hmac(`${seconds}.{"who":"ada"}`, 'hex');
    for (const spelled of [signature, signature.toUpperCase(), `${signature}--`])
      expect(await post('bank', '{"who":"ada"}', { 'stripe-signature': `t=${seconds},v1=${spelled}` })).toMatchObject({
        status: 200,
      });
    expect(new Set(sent.map(({ records }) => records[0]?.headers?.['message-id']?.toString())).size).toBe(1);
  });

  it('is to be sent again while Kafka is away, and is counted by what became of it', async () => {
    const { post, state, registry } = await open();
    state.fails = true;
    const headers = { 'x-hub-signature-256': `sha256=${hmac('{}', 'hex')}` };
    expect(await post('code', '{}', headers)).toMatchObject({ status: 503 });
    expect(await registry.metrics()).toMatch(/freshet_webhook_requests_total\{source="code",result="kafka_unavailable"\} 1/);
    expect(state.open).toBe(0);
  });
});
