import { formatDuration } from '../schemas/duration.ts';
import type { Snapshot, Told, Waiting } from '../services/views.ts';
import type { Demo } from '../workspace/load.ts';
import { FreshetError } from '../runtime/errors.ts';

/** The trouble that every demonstration has: a processor that is killed. */
export const PROCESSOR = 'processor';

export interface DemoStoryOptions {
  readonly troubles: Demo['troubles'];
  /** Tells the program of the demonstration that a trouble begins, or ends. */
  readonly tell: (trouble: string, is: boolean) => void;
  /** Kills a processor; the result starts it again and resolves when it is at work. */
  readonly kill: () => Promise<() => Promise<void>>;
  /** The processor that is killed. */
  readonly processor: string;
  readonly figures: () => Omit<Snapshot, 'story'>;
  readonly say: (line: string) => void;
  readonly now: () => number;
}

/** When each trouble of the told story begins, after the opening; milliseconds. The killed processor comes last. */
const APART_MS = 10_000;
const PROCESSOR_AFTER_MS = 125_000;
/** How long a killed processor stays away. */
const AWAY_MS = 4000;
/** A trouble for which nobody waits goes on so many times as long. */
const UNNOTICED = 4;
const LOOK_EVERY_MS = 500;
const MEASURED_MS = 2000;
const SHOWN = 6;

/**
 * What goes wrong in a demonstration, and what comes of it, in sentences for whoever watches: on its own in the first minutes, and
 * again whenever somebody asks for it. The figures in the sentences are those of the pipeline.
 */
export class DemoStory {
  readonly #options: DemoStoryOptions;
  readonly #told: Told[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #now = new Map<string, () => Told>();
  #ended = false;

  constructor(options: DemoStoryOptions) {
    this.#options = options;
  }

  /** Names of what can be broken. */
  get names(): readonly string[] {
    return [...this.#options.troubles.map(({ name }) => name), PROCESSOR];
  }

  /** Newest first; what goes on is told as it stands. */
  lines(): readonly Told[] {
    return [...[...this.#now.values()].map((line) => line()), ...this.#told].slice(0, SHOWN);
  }

  /** Tells all of it once, one trouble after the other. */
  begin(): void {
    for (const [index, { name }] of this.#options.troubles.entries())
      this.#later((index + 1.5) * APART_MS, () => void this.break(name));
    this.#later(PROCESSOR_AFTER_MS, () => {
      void this.break(PROCESSOR)
        .then(({ over }) => over)
        .then(() => this.#tell('plain', `That was the story. Again: freshet demo break ${this.names.join('|')}`));
    });
  }

  /** Begins a trouble and tells what it is; `over` resolves when it is mended and nobody waits for it any more. */
  async break(name: string): Promise<{ readonly says: string; readonly over: Promise<void> }> {
    if (this.#now.has(name)) throw new FreshetError('CONFIG_INVALID', `${name} is broken already; it mends itself.`);
    if (name === PROCESSOR) return await this.#killed();
    const trouble = this.#options.troubles.find((each) => each.name === name);
    if (trouble === undefined)
      throw new FreshetError('CONFIG_INVALID', `There is no ${name} to break; known are ${this.names.join(', ')}.`);
    const { source, forMs, says, mended } = trouble;
    const { tell, figures, now, say } = this.#options;
    const since = now();
    let most = 0;
    const before = figures().status.mails;
    const line = (): Told => ({ at: since, tone: 'bad', text: `${says} ${waitingInWords(this.#waitFor(source))}` });
    this.#now.set(name, line);
    say(`${says} Mended in ${formatDuration(forMs)}.`);
    tell(name, true);
    const over = (async () => {
      await this.#until(() => {
        most = Math.max(most, countOf(this.#waitFor(source)));
        const passed = now() - since;
        return passed >= forMs && (most > 0 || passed >= UNNOTICED * forMs);
      });
      if (this.#ended) return;
      const last = line();
      say(last.text);
      tell(name, false);
      this.#now.set(name, () => ({ at: now(), tone: 'plain', text: `${mended} ${waitingInWords(this.#waitFor(source))}` }));
      await this.#until(() => countOf(this.#waitFor(source)) === 0 && freshAgain(figures().status, source));
      this.#now.delete(name);
      if (this.#ended) return;
      const after = figures().status.mails;
      const [released, dropped] = [after.released - before.released, after.dropped - before.dropped];
      const held =
        released + dropped === 0 ? '' : ` Messages that were held: ${released} sent now, ${dropped} dropped as outdated.`;
      this.#tell('good', `${mended} ${most} waited for ${source}; each was decided once ${source} had been seen so far.${held}`);
    })();
    return { says: `${says} Mended in ${formatDuration(forMs)}.`, over };
  }

  stop(): void {
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #killed(): Promise<{ readonly says: string; readonly over: Promise<void> }> {
    const { kill, processor, figures, now } = this.#options;
    const since = now();
    const hop = () => figures().walk.hops.find((each) => each.hop === processor);
    const says = `The processor ${processor} was killed in the middle of its work; what comes in waits for it.`;
    this.#now.set(PROCESSOR, () => ({ at: since, tone: 'bad', text: `${says} ${hop()?.waiting ?? 0} events so far.` }));
    this.#options.say(says);
    const restart = await kill();
    let most = 0;
    const over = (async () => {
      await this.#until(() => {
        most = Math.max(most, hop()?.waiting ?? 0);
        return now() - since >= AWAY_MS;
      });
      if (this.#ended) return;
      const again = now();
      this.#now.set(PROCESSOR, () => ({
        at: again,
        tone: 'plain',
        text: `${processor} is back, and goes on from its last committed transaction: ${hop()?.waiting ?? 0} events wait.`,
      }));
      await restart();
      // How much waits is measured once a second, and not yet when the tasks begin.
      await this.#until(() => now() - again >= MEASURED_MS && (hop()?.waiting ?? 0) < Math.max(50, figures().walk.perSecond));
      this.#now.delete(PROCESSOR);
      const seconds = ((now() - again) / 1000).toFixed(1);
      this.#tell(
        'good',
        `${processor} has caught up ${most} events within ${seconds} s of its return: none is lost, none counted twice.`,
      );
    })();
    return { says, over };
  }

  #waitFor(source: string): readonly Waiting[] {
    return this.#options.figures().waiting.filter((each) => each.source === source);
  }

  #tell(tone: Told['tone'], text: string): void {
    this.#told.unshift({ at: this.#options.now(), tone, text });
    this.#told.splice(SHOWN);
    this.#options.say(text);
  }

  #later(ms: number, what: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      what();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }

  /** Looks twice a second; ends as well when the story does. */
  async #until(isSo: () => boolean): Promise<void> {
    while (!this.#ended && !isSo()) await new Promise<void>((resolve) => this.#later(LOOK_EVERY_MS, resolve));
  }
}

function countOf(waiting: readonly Waiting[]): number {
  return waiting.reduce((sum, { count }) => sum + count, 0);
}

function freshAgain({ sources }: Snapshot['status'], source: string): boolean {
  return sources.find((each) => each.source === source)?.status === 'fresh';
}

/** Who waits, in a sentence. */
export function waitingInWords(waiting: readonly Waiting[]): string {
  if (waiting.length === 0) return 'Nobody waits for it yet.';
  const all = waiting.map(({ kind, rule, count, atLeast }) => {
    const many = `${atLeast ? 'at least ' : ''}${count}`;
    return kind === 'message'
      ? `${many} of ${rule} ${count === 1 ? 'is' : 'are'} held until it is fresh`
      : `${many} of ${rule} ${count === 1 ? 'waits' : 'wait'} for it: what it will tell may change the answer`;
  });
  return `${all.join('; ')}.`;
}
