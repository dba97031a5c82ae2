import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { identityRouter, type SplitWish } from './index.ts';

const wishes: SplitWish[] = [];
let server: Server;
let url: string;
beforeAll(async () => {
  const desk = {
    split: (wish: SplitWish) => {
      if (wish.between.includes('nobody'))
        throw Object.assign(new Error('nobody: expected kind:value'), { code: 'CONFIG_INVALID' });
      wishes.push(wish);
      return Promise.resolve({ done: wish.reason !== 'slowly', result: { id: 's1' } });
    },
    found: (id: string) => Promise.resolve({ done: true, result: { id } }),
  };
  server = createServer(express().use(identityRouter(desk)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/identity/split`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const post = (
  body: unknown,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
): Promise<Response> => fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
const between = ['user_id:ada', 'anonymous_id:b1'];

describe('the route of splits', () => {
  it('hands on what was wished for, and answers what came of it, or that it goes on', async () => {
    const now = await post({ between, author: 'ann' });
    expect([now.status, await now.json()]).toEqual([200, { id: 's1' }]);
    expect((await post({ between, author: 'ann', reason: 'slowly', takeBack: true })).status).toBe(202);
    expect(wishes).toEqual([
      { between, author: 'ann', takeBack: false, dryRun: false },
      { between, author: 'ann', takeBack: true, dryRun: false, reason: 'slowly' },
    ]);
    expect(await (await fetch(`${url}/s1`)).json()).toEqual({ id: 's1' });
  });

  it('names the field that is wrong', async () => {
    const wrong = [
      { between: ['user_id:ada'], author: 'a' },
      { between },
      { between, author: 'a', takeBack: 'yes' },
      { between: ['nobody', 'x:y'], author: 'a' },
    ];
    const answers = await Promise.all(wrong.map(async (body) => post(body)));
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    const fields = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { field: string }).field));
    expect(fields).toEqual(['between', 'author', 'takeBack', 'between']);
  });

  it('takes nothing that another site makes a browser send', async () => {
    expect((await post({ between, author: 'a' }, { 'content-type': 'text/plain' })).status).toBe(415);
    const foreign = { 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' };
    expect((await post({ between, author: 'a' }, foreign)).status).toBe(403);
  });
});
