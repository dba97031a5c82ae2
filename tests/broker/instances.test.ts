import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { topics } from '../../schemas/topics.ts';
import { readCommitted, type Committed } from '../support/committed.ts';
import { Deployment, type RunningFreshet } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { PlainKafka } from '../support/plain-kafka.ts';
import { arena, arenaKey, createPlayers, type Players } from '../support/scores.ts';

interface Line {
  readonly message?: string;
  readonly instance?: number;
  readonly pid?: number;
  readonly port?: number;
}

let deployment: Deployment;
let gateway: RunningFreshet;
let several: RunningFreshet;
let committed: Committed;
let players: Players;

beforeAll(async () => {
  deployment = await Deployment.create(arena, { ARENA_KEY: arenaKey });
  gateway = await deployment.run(['gateway', 'watch-sources']);
  several = await deployment.run(['tag-freshness', 'stitch-identity', 'customers', '--instances', '2'], 'two');
  committed = await readCommitted(deployment.prefix);
  players = createPlayers(40, () => gateway.gateway, arenaKey);
});
afterAll(async () => {
  await committed.close();
  await deployment.close();
  await new PlainKafka().deleteTopics(deployment.prefix);
});

const lines = (message: string, parent = several): Line[] =>
  parent.said
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.message === message);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function readiness(): Promise<{ status: number; problems: readonly { what: string; why: string }[] }> {
  const { port } = lines('health').find(({ instance }) => instance === undefined) ?? {};
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
  const { problems } = (await answer.json()) as { problems: { what: string; why: string }[] };
  return { status: answer.status, problems };
}

async function everythingOnce(): Promise<void> {
  await eventually(
    () => committed.values(topics.eventsIdentified),
    (events) => {
      const ids = events.flatMap(({ event }) => event?.messageId ?? []);
      expect([ids.length, new Set(ids).size]).toEqual([players.sent.length, players.sent.length]);
    },
    { patienceMs: 60_000 },
  );
}

describe('several instances', () => {
  it('share the tasks, each with stores of its own, and are ready together', async () => {
    await eventually(readiness, ({ status, problems }) => expect([status, problems]).toEqual([200, []]));
    await players.play(200);
    await everythingOnce();
    const stores = await Promise.all(
      ['1', '2'].map((number) => readdir(join(deployment.dataDir('two'), 'instances', number, 'stores', deployment.prefix))),
    );
    expect(stores.map((names) => names.some((name) => name.startsWith('customers-')))).toEqual([true, true]);
  });

  it('are complete again by themselves when one dies, and it gets its tasks back with their stores', async () => {
    const [dead] = lines('instance starts');
    process.kill(dead?.pid ?? 0, 'SIGKILL');
    await eventually(readiness, ({ status, problems }) =>
      expect([status, problems[0]?.what]).toEqual([503, `instance ${dead?.instance}`]),
    );
    await players.play(200);
    await eventually(readiness, ({ status }) => expect(status).toBe(200), { patienceMs: 60_000 });
    expect(lines('instance has died and is restarted')).toHaveLength(1);
    await players.play(200);
    await everythingOnce();
  });

  it('end together, in order', async () => {
    expect(await several.stop()).toBe(0);
    const pids = lines('instance starts').map(({ pid }) => pid ?? 0);
    expect(pids).toHaveLength(3);
    expect(pids.map(isAlive)).toEqual([false, false, false]);
  });

  it('do not outlive a parent that is killed', async () => {
    const parent = await deployment.run(['watch-sources', '--instances', '2'], 'orphans');
    await eventually(
      async () => lines('running', parent),
      (found) => expect(found).toHaveLength(2),
    );
    await parent.kill();
    for (const { pid = 0 } of lines('instance starts', parent)) {
      await eventually(
        async () => isAlive(pid),
        (alive) => expect(alive).toBe(false),
      );
    }
  });

  it('refuse what listens on a port', async () => {
    const ended = await deployment.command(['run', 'customers', 'gateway', '--instances', '2']);
    expect([ended.code, ended.stderr]).toEqual([
      1,
      expect.stringMatching(/gateway cannot run in several instances at once.*FRESHET_GATEWAY_PORT/),
    ]);
  });
});

describe('a process whose registry is away', () => {
  it('waits for it and says so, alive but not ready', async () => {
    const alone = deployment.begin(['customers'], 'alone', { SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9' });
    const port = await eventually(
      async () => alone.said.map((line) => JSON.parse(line) as Line).find(({ message }) => message === 'health')?.port,
      (found) => expect(found).toBeDefined(),
    );
    const ask = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${port}/health/${path}`);
      return [answer.status, await answer.text()];
    };
    await eventually(
      () => ask('ready'),
      (answer) => expect(answer).toEqual([503, expect.stringContaining('schema registry http://127.0.0.1:9')]),
    );
    expect((await ask('live'))[0]).toBe(200);
    await alone.stop();
  });
});
