import { judge } from './judge.ts';
import { expectedOf } from './model.ts';
import { play } from './play.ts';
import { writeScript } from './script.ts';
import { ending, isRight, story } from './story.ts';

/**
 * Two days in seconds, told, and judged by a model that knows nothing of the pipeline. The exit code: 0 when all is as the model
 * says, else 1.
 */
export async function demonstrate(seed: number, write: (line: string) => void, perform: typeof play = play): Promise<0 | 1> {
  const script = writeScript(seed);
  const expected = expectedOf(script);
  const played = await perform(script);
  const verdict = judge(played, expected);
  for (const line of [...story(script, played), '', ...ending(verdict, played, expected)]) write(line);
  return isRight(verdict) ? 0 : 1;
}
