import { describe, expect, it } from '@jest/globals';
import { HOSTILE, fakeSnapshot } from '../services/testing/fake-views.ts';
import type { Snapshot } from '../services/views.ts';
import { renderLine, renderScreen, startTerminal } from './terminal.ts';

// oxlint-disable-next-line eslint/no-control-regex -- colours are escape sequences
const plain = (line: string): string => line.replaceAll(/\u001b\[[0-9;]*m/g, '');
const screen = (snapshot: Snapshot, columns = 140, rows = 80): readonly string[] => renderScreen(snapshot, { columns, rows });

describe('without a terminal', () => {
  it('a line says what happened since the start', () => {
    expect(renderLine(fakeSnapshot())).toBe('events 184220, lag 0 s, entered 110, left 30, mails 312, held 41, rejected 12');
  });

  it('nothing at all is zeros', () => {
    const { walk, status, ...rest } = fakeSnapshot();
    const empty = { ...rest, walk: { ...walk, events: 0, lagMs: null }, status: { ...status, segments: [] } };
    expect(renderLine(empty)).toMatch(/^events 0, lag 0 s, entered 0, left 0, mails \d+, held \d+, rejected \d+$/);
  });

  it('nothing but such lines is written', async () => {
    const written: string[] = [];
    const enough = Promise.withResolvers<void>();
    const write = (text: string): void => {
      if (written.push(text) === 3) enough.resolve();
    };
    const terminal = startTerminal({ out: { write }, snapshot: () => fakeSnapshot(), intervalMs: 1 });
    terminal.note('a mail has come');
    await enough.promise;
    terminal.stop();
    for (const text of written) {
      expect(text).toMatch(/^events \d+, lag \d+ s, entered \d+, left \d+, mails \d+, held \d+, rejected \d+\n$/);
    }
  });
});

describe('on a terminal', () => {
  it('the table shows hops, sources, segments, reasons and decisions with their because', () => {
    const text = screen(fakeSnapshot(Date.now())).map(plain).join('\n');
    expect(text).toMatch(/freshet {2}lag 340 ms {2}149 events\/s {2}sent 312 {2}held 41 {2}failed 2/);
    expect(text).toMatch(/evaluate-segments +146\/s +1,204 +7\.4 s/);
    expect(text).toMatch(/warehouse +stale +\d{4}-\d\d-\d\d [\d:]{8}/);
    expect(text).toMatch(/regulars +18,402 +\+40 +−12/);
    expect(text).toMatch(/23 {2}held: freshness/);
    expect(text).toMatch(/\+ regulars because of Table Booked, seen up to [\d:]{8}, 4 hops, 58 ms {2}a-word-of-thanks sent/);
    expect(text).toMatch(/left-halfway because of timer after Table Booked/);
  });

  it('what is being shown is told near the top, and who waits for which source beside the sources', () => {
    const text = screen(fakeSnapshot(Date.now())).map(plain);
    expect(text[3]).toMatch(/^[\d:]{8} {2}The till is silent/);
    expect(text.join('\n')).toMatch(/warehouse +4 messages of there-again since [\d:]{8}/);
    expect(text.join('\n')).toMatch(/site +at least 17 decisions of first-visit since [\d:]{8}/);
  });

  it('a fraud alert is red and near the top', () => {
    const index = screen(fakeSnapshot()).findIndex((line) => line.startsWith('\u001b[31;1mFRAUD'));
    expect(index).toBe(2);
  });

  it.each([
    [40, 12],
    [80, 24],
    [200, 60],
  ])('the table keeps within %i columns and %i rows', (columns, rows) => {
    const lines = screen(fakeSnapshot(), columns, rows);
    expect(lines.length).toBeLessThan(rows);
    for (const line of lines) expect(Array.from(plain(line)).length).toBeLessThan(columns);
  });

  it('no data move the cursor', () => {
    const { walk, status, ...rest } = fakeSnapshot();
    const [first] = status.segments;
    const segments = first === undefined ? [] : [{ ...first, segment: '\u001b[2J\u009b2J\u202eevil\n\r' }];
    const lines = screen({ ...rest, walk, status: { ...status, segments } });
    expect(lines.some((line) => plain(line).startsWith('?[2J?2J?evil??'))).toBe(true);
    // oxlint-disable-next-line eslint/no-control-regex -- control characters are what it looks for
    for (const line of lines) expect(plain(line)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(lines.join('')).toContain(HOSTILE.slice(0, 10));
  });

  it('it is redrawn in place, and notes stay above it', () => {
    let written = '';
    const out = { isTTY: true, columns: 80, rows: 24, write: (text: string) => (written += text) };
    const terminal = startTerminal({ out, snapshot: () => fakeSnapshot(), intervalMs: 60_000 });
    const height = written.split('\n').length - 1;
    written = '';
    terminal.note('a mail\u0007 has come');
    terminal.stop();
    expect(written.startsWith(`\u001b[${height}A\r\u001b[Ja mail? has come\n`)).toBe(true);
    expect(written.split('\n').length - 1).toBe(height + 1);
  });

  it('a mail is noted with its because, which may be known only after the mail', async () => {
    let snapshot = fakeSnapshot();
    const { decisions } = snapshot.status;
    const told = {
      ...snapshot,
      status: { ...snapshot.status, decisions: decisions.filter(({ message }) => message?.id !== 'r0') },
    };
    let written = '';
    const noted = { ida: Promise.withResolvers<void>(), max: Promise.withResolvers<void>() };
    const write = (text: string): void => {
      written += text;
      for (const name of ['ida', 'max'] as const) if (text.includes(`mail to ${name}`)) noted[name].resolve();
    };
    snapshot = told;
    const terminal = startTerminal({
      out: { isTTY: true, columns: 80, rows: 24, write },
      snapshot: () => snapshot,
      intervalMs: 1,
    });
    terminal.mail({ request: 'r0', to: ['ida@example.com'], subject: 'Thanks' });
    expect(written).not.toContain('mail to');
    snapshot = fakeSnapshot();
    await noted.ida.promise;
    terminal.mail({ request: 'of long ago', to: ['max@example.com'], subject: 'Hello' });
    await noted.max.promise;
    terminal.stop();
    expect(written).toContain('mail to max@example.com: Hello\n');
    expect(written).toMatch(/mail to ida@example\.com: Thanks \(because of Table Booked, seen up to .*, 4 hops, 58 ms\)\n/);
  });
});
