import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../runtime/clock.ts';
import { MemoryBroker } from '../runtime/testing/memory-kafka.ts';
import { clearSpace, holdSpace, spaceSettings } from './replay-space.ts';
import { readSettings } from './settings.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'freshet-space-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

const settings = () => readSettings({ FRESHET_DATA_DIR: dataDir, FRESHET_PREFIX: 'shop.' });

describe('the space of a replay', () => {
  it('has a prefix of its own behind that of the deployment', () => {
    expect(spaceSettings(settings(), 'tills')).toEqual({ ...settings(), prefix: 'shop.replay-tills.' });
  });

  it.each(['', 'events.', 'a.b', '-a', 'A', 'a/../b'])('is not named %j, which could reach beyond it', (name) => {
    expect(() => spaceSettings(settings(), name)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it('is cleared of its topics and stores, and of no others', async () => {
    const kafka = new MemoryBroker({ clock: new ManualClock(0) }).client();
    const others = ['shop.events.raw', 'shop.replay-till.events.raw', 'shop.replay-tills-2.events.raw'];
    const own = ['shop.replay-tills.events.raw', 'shop.replay-tills.customers.changelog'];
    await kafka.admin.createTopics([...others, ...own].map((name) => ({ name, partitions: 4, config: {} })));
    for (const prefix of ['shop.', 'shop.replay-tills.']) await mkdir(join(dataDir, 'stores', prefix), { recursive: true });
    await clearSpace(kafka.admin, spaceSettings(settings(), 'tills'));
    expect([...(await kafka.admin.topics())].sort()).toEqual(others.sort());
    expect(await readdir(join(dataDir, 'stores'))).toEqual(['shop.']);
    await kafka.close();
  });

  it('is held by one process at a time', () => {
    const hold = holdSpace(spaceSettings(settings(), 'tills'));
    expect(() => holdSpace(spaceSettings(settings(), 'tills'))).toThrow(expect.objectContaining({ code: 'ALREADY_RUNNING' }));
    holdSpace(spaceSettings(settings(), 'other')).release();
    hold.release();
    holdSpace(spaceSettings(settings(), 'tills')).release();
  });
});
