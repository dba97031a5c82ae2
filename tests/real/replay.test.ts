import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MembershipChange } from '../../schemas/generated/types.ts';
import { changesUntil, membershipsAt, unmatchedRefunds } from '../support/membership-oracle.ts';
import { readRetailOrders, retailFiles } from '../support/retail-orders.ts';
import { type ReplayResult, runReplay } from '../support/replay-run.ts';
import { dropSpace, readSpace, type SpaceLog } from '../support/space-log.ts';

/**
 * All orders of a real shop through the whole pipeline on a real cluster, as a user runs it, against a plain computation over a plain
 * reading of the same files. The second time the process is killed on its way and the replay resumed.
 */
const files = retailFiles();
const run = String(process.pid);
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'freshet-replay-'));
});
afterAll(async () => {
  for (const space of ['retail', 'killed', 'small']) await dropSpace(`replay-${space}-${run}.`);
  await rm(dataDir, { recursive: true, force: true });
});

const iso = (at: number): string => new Date(at).toISOString();

/** The changes of each customer in the order of their sequence, by the number that the files have for him. */
function storyOf({ changes, users }: SpaceLog): Map<string, readonly MembershipChange[]> {
  const stories = Map.groupBy(changes, ({ customer }) => [...(users.get(customer) ?? [])].join('+'));
  for (const own of stories.values()) own.sort((one, other) => one.sequence - other.sequence);
  return stories;
}

/** By customer: his changes in order, and the segments he is in at the end. */
function expectRightMemberships(log: SpaceLog, given: readonly string[]): void {
  const { events, end } = readRetailOrders(given);
  const right = Map.groupBy(changesUntil(events, end), ({ customer }) => customer);
  const members = membershipsAt(events, end);
  const told = storyOf(log);
  const different = [...new Set([...told.keys(), ...right.keys(), ...members.keys()])].flatMap((customer) => {
    const own = told.get(customer) ?? [];
    const story = own.map(({ effectiveAt, change, segment }) => `${iso(effectiveAt)} ${change} ${segment}`);
    const expected = (right.get(customer) ?? []).map(({ at, change, segment }) => `${iso(at)} ${change} ${segment}`);
    const held = new Set<string>();
    for (const { segment, change } of own) held[change === 'entered' ? 'add' : 'delete'](segment);
    const isRight = story.join() === expected.join() && [...held].sort().join() === (members.get(customer) ?? []).join();
    return isRight ? [] : [{ customer, story, expected, held: [...held], members: members.get(customer) }];
  });
  expect(told.size).toBeGreaterThan(0);
  expect(different).toEqual([]);
}

function expectExactlyOnce({ changes, users }: SpaceLog): void {
  expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
  expect([...users.values()].every((known) => known.size === 1)).toBe(true);
  const gaps = [...Map.groupBy(changes, ({ customer }) => customer)].filter(([, own]) =>
    own.some(({ sequence }, index) => sequence !== index + 1),
  );
  expect(gaps).toEqual([]);
  expect(new Set(changes.map(({ cause }) => cause.kind))).toEqual(new Set(['replay']));
}

describe('a replay of all orders', () => {
  const space = `retail-${run}`;
  let result: ReplayResult;
  let log: SpaceLog;
  beforeAll(async () => {
    result = await runReplay({ files, space, dataDir });
    log = await readSpace(`replay-${space}.`);
  });

  it('ends by itself and says what became of every row, record, event and message', () => {
    const { events, rows, repeatedRows, invoices, leftOut } = readRetailOrders();
    expect(result.code).toBe(0);
    const reasons = Object.entries(leftOut).sort(([, one], [, other]) => other - one);
    const left = reasons.reduce((sum, [, count]) => sum + count, 0);
    const entered = (segment: string): number =>
      log.changes.filter((each) => each.segment === segment && each.change === 'entered').length;
    const messages = {
      'big-basket-mail': 'big-basket',
      'welcome-mail': 'first-time-buyers',
      'high-spender-mail': 'high-spenders',
    };
    const would = Object.entries(messages).map(([name, segment]) => [name, entered(segment)] as const);
    expect(result.summary.slice(0, 5)).toEqual([
      `${rows} rows of ${files.length} files: ${rows - repeatedRows} used, ${repeatedRows} repeated, 0 unusable, 0 not wanted`,
      `${invoices} records made of them`,
      `${invoices} records: ${events.length} events, ${left} left out (${reasons.map((each) => each.join(' ')).join(', ')}), 0 rejected`,
      `${events.length} events: ${events.length} taken, 0 repeated`,
      `unmatched: ${unmatchedRefunds(events).length}, counted by customers`,
    ]);
    expect(result.summary.at(-1)).toBe(
      `messages: 0 sent, would have been ${log.wouldSend} (${would.map((each) => each.join(' ')).join(', ')})`,
    );
    expect(would.reduce((sum, [, count]) => sum + count, 0)).toBe(log.wouldSend);
    expect(log.requested).toBe(0);
  });

  it('has the members, and every change of them at its moment, that a plain computation over the files has', () => {
    expectRightMemberships(log, files);
  });

  it('publishes every change once, by a sequence of each customer without gaps', () => {
    expectExactlyOnce(log);
  });

  it('lets the customer of the giant order in for 77,183.60 and out sixteen minutes later, when he takes it back', () => {
    const story = storyOf(log).get('12346') ?? [];
    expect(
      story
        .filter(({ segment }) => segment === 'high-spenders')
        .map(({ effectiveAt, change, cause }) => [iso(effectiveAt), change, cause.event]),
    ).toEqual([
      ['2011-01-18T10:01:00.000Z', 'entered', 'Order Completed'],
      ['2011-01-18T10:17:00.000Z', 'left', 'Order Refunded'],
    ]);
  });
});

describe('a replay that is killed on its way and resumed', () => {
  const space = `killed-${run}`;
  let log: SpaceLog;
  let resumed: ReplayResult;
  beforeAll(async () => {
    const fatal = 3 + Math.floor(Math.random() * 53);
    const delay = Math.floor(Math.random() * 900);
    process.stderr.write(`freshet: the replay is killed ${delay} ms after it came to file ${fatal} of ${files.length}\n`);
    let doomed = false;
    const killed = await runReplay({
      files,
      space,
      dataDir,
      onLine: (line, kill) => {
        if (doomed || Number(/file (\d+) of/.exec(line)?.[1] ?? 0) < fatal) return;
        doomed = true;
        setTimeout(kill, delay);
      },
    });
    expect(killed).toMatchObject({ code: null, summary: [] });
    resumed = await runReplay({ files, space, dataDir, args: ['--resume'] });
    log = await readSpace(`replay-${space}.`);
  });

  it('ends as if nothing had happened: same members, every change at its moment', () => {
    expect(resumed.code).toBe(0);
    expect(resumed.summary[1]).toMatch(/^6877 records made of them, [1-9]\d* of them by an earlier run$/);
    expectRightMemberships(log, files);
    expect(log.requested).toBe(0);
  });

  it('has published no change twice and left none out', () => {
    expectExactlyOnce(log);
  });
});

describe('a space', () => {
  const space = `small-${run}`;
  const [first, more] = [files.slice(0, 2), files.slice(0, 4)];

  it('sends its messages to the development mailbox when it is told to, and begins anew without', async () => {
    const active = await runReplay({ files: first, space, dataDir, args: ['--activate'] });
    const log = await readSpace(`replay-${space}.`);
    expect(log.requested).toBeGreaterThan(100);
    expect(active.summary.at(-1)).toBe(`messages: ${log.requested} sent, would have been 0`);
    expectRightMemberships(log, first);

    const quiet = await runReplay({ files: first, space, dataDir });
    expect(quiet.summary.at(-1)).toMatch(new RegExp(`^messages: 0 sent, would have been ${log.requested} `));
    expect((await readSpace(`replay-${space}.`)).requested).toBe(0);
  });

  it('goes on with files that were not there before', async () => {
    const resumed = await runReplay({ files: more, space, dataDir, args: ['--resume'] });
    expect(resumed.code).toBe(0);
    const log = await readSpace(`replay-${space}.`);
    expectRightMemberships(log, more);
    expectExactlyOnce(log);
  });
});
