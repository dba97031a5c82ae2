import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import { FreshetError } from '../../runtime/errors.ts';
import { type Answer, decideRouter, type DecideView, type Question } from './index.ts';

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

const answer: Answer = { customer: 'c_1', from: 'session', event: 'seen', waitedMs: 12, segments: [] };

async function asking(decide: (question: Question) => Promise<Answer | undefined>) {
  const view: DecideView = { decide, segments: new Set(['cart']), activations: new Set(['reminder']) };
  const server = createServer(express().use('/api/decide', decideRouter(view))).listen(0, '127.0.0.1');
  closers.push(() => void server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/decide`;
  return async (body: unknown): Promise<{ status: number; body: unknown }> => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
}

describe('a question about a customer', () => {
  it('is handed on with its defaults, and answered as it is', async () => {
    const asked: Question[] = [];
    const ask = await asking(async (question) => (asked.push(question), answer));
    const identifier = { kind: 'user_id', value: 'ann' };
    expect(await ask({ identifier, segments: ['cart'], after: 'm1' })).toEqual({ status: 200, body: answer });
    expect(asked).toEqual([
      { customer: undefined, identifier, segments: ['cart'], activation: undefined, after: 'm1', timeoutMs: 500 },
    ]);
  });

  it.each([
    [{ segments: ['cart'] }, /^customer: expected either/],
    [{ customer: 'c_1' }, /^segments: expected at least one/],
    [{ customer: 'c_1', segments: ['nobody'] }, /^segments: there is no segment nobody/],
    [{ customer: 'c_1', activation: 'nothing' }, /^activation: /],
    [{ customer: 'c_1', segments: ['cart'], timeout_ms: 60_000 }, /^timeout_ms: expected 0 to 10000/],
    [{ identifier: { kind: 'user_id' }, segments: ['cart'] }, /^identifier: /],
  ])('that cannot be answered is refused with the field: %j', async (body, error) => {
    const ask = await asking(async () => answer);
    expect(await ask(body)).toEqual({ status: 400, body: { error: expect.stringMatching(error) } });
  });

  it('about somebody unknown, or asked where he is not, says so', async () => {
    const unknown = await asking(async () => undefined);
    expect(await unknown({ customer: 'c_9', segments: ['cart'] })).toMatchObject({ status: 404 });
    const elsewhere = await asking(async () => {
      throw new FreshetError('NOT_LOCAL', 'Ask the process that runs customers-2: it is not this one.', { retryable: true });
    });
    expect(await elsewhere({ customer: 'c_1', segments: ['cart'] })).toEqual({
      status: 503,
      body: { error: 'Ask the process that runs customers-2: it is not this one.', code: 'NOT_LOCAL' },
    });
  });
});
