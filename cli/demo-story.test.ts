import { describe, expect, it } from '@jest/globals';
import { fakeSnapshot } from '../services/testing/fake-views.ts';
import type { Waiting } from '../services/views.ts';
import { DemoStory } from './demo-story.ts';

const trouble = { name: 'till', source: 'till', forMs: 10, says: 'The till is silent.', mended: 'The till is back.' };
const waits: Waiting = { source: 'till', kind: 'decision', rule: 'left-halfway', count: 3, atLeast: false, since: 0 };

function world() {
  const { story: _, ...figures } = fakeSnapshot();
  const state = { waiting: [waits] as readonly Waiting[], lag: 0 };
  const told: (readonly [string, boolean])[] = [];
  const said: string[] = [];
  let killed = 0;
  const demo = new DemoStory({
    troubles: [trouble],
    tell: (name, is) => {
      told.push([name, is]);
      if (!is) state.waiting = [];
    },
    processor: 'evaluate-segments',
    kill: async () => {
      killed += 1;
      return async () => undefined;
    },
    figures: () => ({ ...figures, waiting: state.waiting, walk: { ...figures.walk, perSecond: 1e6 } }),
    say: (line) => said.push(line),
    now: () => Date.now(),
  });
  return { demo, told, said, killed: () => killed };
}

describe('what is broken on demand', () => {
  it('says what has happened and who waits, is mended by itself, and says what came of it', async () => {
    const { demo, told, said } = world();
    const { says, over } = await demo.break('till');
    expect(says).toBe('The till is silent. Mended in 10ms.');
    expect(demo.lines()[0]).toMatchObject({ tone: 'bad', text: expect.stringContaining('3 of left-halfway wait for it') });
    await expect(demo.break('till')).rejects.toThrow('till is broken already');
    await over;
    expect(told).toEqual([
      ['till', true],
      ['till', false],
    ]);
    expect(demo.lines()[0]).toMatchObject({ tone: 'good', text: expect.stringMatching(/^The till is back\. 3 waited for till/) });
    expect(said.at(-1)).toBe(demo.lines()[0]?.text);
  });

  it('is refused when there is no such thing, with the names of those that there are', async () => {
    await expect(world().demo.break('weather')).rejects.toThrow('There is no weather to break; known are till, processor.');
  });

  it('kills a processor, too', async () => {
    const { demo, killed } = world();
    const { says } = await demo.break('processor');
    expect(says).toMatch(/^The processor evaluate-segments was killed in the middle of its work/);
    expect(killed()).toBe(1);
    demo.stop();
  });
});
