import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { identityRouter, type Judging, type SplitWish } from './index.ts';

const wishes: SplitWish[] = [];
const judged: Judging[] = [];
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
    reviews: (limit: number) => Promise.resolve({ total: 1, reviews: [{ id: 'r_1', limit }] }),
    judge: (judging: Judging) => {
      if (judging.ids.includes('r_0')) throw Object.assign(new Error('r_0: expected an id'), { code: 'CONFIG_INVALID' });
      judged.push(judging);
      return Promise.resolve([{ customer: 'c_1', other: 'c_2', verdict: judging.verdict }]);
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

describe('the route of reviews', () => {
  const review = (): string => url.replace('/split', '/review');
  const say = (body: unknown, type = 'application/json'): Promise<Response> =>
    fetch(review(), { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(body) });

  it('lists what waits to be looked at, as much as is asked for', async () => {
    expect(await (await fetch(`${review()}?limit=7`)).json()).toEqual({ total: 1, reviews: [{ id: 'r_1', limit: 7 }] });
    expect((await fetch(`${review()}?limit=all`)).status).toBe(400);
  });

  it('hands on what somebody decided, and names the field that is wrong', async () => {
    const told = await say({ ids: ['r_1'], verdict: 'accept' });
    expect([told.status, await told.json()]).toEqual([200, { judged: [{ customer: 'c_1', other: 'c_2', verdict: 'accept' }] }]);
    expect(judged).toEqual([{ ids: ['r_1'], verdict: 'accept' }]);
    const wrong = [
      { ids: [], verdict: 'accept' },
      { ids: ['r_1'], verdict: 'merge' },
      { ids: ['r_0'], verdict: 'reject' },
    ];
    const answers = await Promise.all(wrong.map(async (body) => say(body)));
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
    const fields = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { field: string }).field));
    expect(fields).toEqual(['ids', 'verdict', 'ids']);
    expect((await say({ ids: ['r_1'], verdict: 'accept' }, 'text/plain')).status).toBe(415);
  });
});
