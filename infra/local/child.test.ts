import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { processIdentity } from '../lock.mjs';
import { Child, endOrphans } from './child.ts';

let dataDir: string;
let deaths: string[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'freshet-child-'));
  deaths = [];
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const forever = 'setInterval(() => {}, 1000)';

function run(script: string, onStopped: () => void = () => undefined): Child {
  const onDeath = ({ message }: Error): void => void deaths.push(message);
  return new Child({ name: 'program', command: process.execPath, args: ['-e', script], env: {}, dataDir, onDeath, onStopped });
}

describe('a child program', () => {
  it('that ends by itself is reported with its last complaint and its log', async () => {
    const child = run('console.log("ERROR no room"); console.log("bye"); process.exitCode = 3');
    await child.ended;
    const log = join(dataDir, 'logs', 'program.log');
    expect(deaths).toEqual([`program ended with code 3: ERROR no room (see ${log})`]);
    expect(readFileSync(log, 'utf8')).toBe('ERROR no room\nbye\n');
  });

  it('that cannot be started is reported too', async () => {
    const onDeath = ({ message }: Error): void => void deaths.push(message);
    const child = new Child({
      name: 'x',
      command: join(dataDir, 'none'),
      args: [],
      env: {},
      dataDir,
      onDeath,
      onStopped: () => undefined,
    });
    await child.ended;
    expect(deaths).toEqual([expect.stringContaining('ENOENT')]);
  });

  it('ends when it is asked to, even while it is stopped, and is not reported', async () => {
    let stopped = 0;
    const child = run(forever, () => void (stopped += 1));
    child.signal('SIGSTOP');
    await child.stop();
    expect([child.alive, deaths, stopped]).toEqual([false, [], 1]);
    expect(existsSync(join(dataDir, 'run', 'program.json'))).toBe(false);
  });

  it('keeps the log of the run before', async () => {
    await run('console.log(1)').ended;
    await run('console.log(2)').ended;
    expect(readFileSync(join(dataDir, 'logs', 'program.log.previous'), 'utf8')).toBe('1\n');
  });
});

describe('programs that a killed run left behind', () => {
  it('are ended by the next, and no other that has got such an id since', async () => {
    const orphan = spawn(process.execPath, ['-e', forever], { stdio: 'ignore' });
    const stranger = spawn(process.execPath, ['-e', forever], { stdio: 'ignore' });
    const gone = once(orphan, 'exit');
    mkdirSync(join(dataDir, 'run'));
    const write = (name: string, pid = 0, identity = processIdentity(pid)): void =>
      writeFileSync(join(dataDir, 'run', name), JSON.stringify({ pid, identity }));
    write('kafka-1.json', orphan.pid);
    write('registry.json', stranger.pid, 'started long ago');

    expect(await endOrphans(dataDir)).toBe(1);
    await gone;
    expect(processIdentity(stranger.pid ?? 0)).toBeDefined();
    expect(await endOrphans(dataDir)).toBe(0);
    stranger.kill();
    await once(stranger, 'exit');
  });
});
