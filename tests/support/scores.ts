import { postUntilTaken } from './send.ts';

/** A player scored. `at` is event time, epoch milliseconds, growing for each player. */
export interface Score {
  readonly messageId: string;
  readonly player: string;
  readonly points: number;
  readonly at: number;
}

/** A change of membership that there must be. */
export interface Expected {
  readonly player: string;
  readonly segment: string;
  /** entered | left. */
  readonly change: string;
  readonly at: number;
}

export const WINDOW_MS = 4000;
/** The rules of `expectedChanges`, as a workspace has them. */
export const segments = {
  'segments/veterans.yaml': 'segment: veterans\nwhen: { count: { of: Scored, at_least: 10 } }\n',
  'segments/sharp.yaml': `segment: sharp
when: { count: { of: Scored, where: properties.points >= 80, within: ${WINDOW_MS}ms, at_least: 2 } }
`,
};

/** Every change that follows from all scores, computed plainly; the changes of a player and segment in order. */
export function expectedChanges(scores: readonly Score[]): readonly Expected[] {
  return [...Map.groupBy(scores, ({ player }) => player)].flatMap(([player, own]) => {
    const changes: Expected[] = [];
    const tenth = own[9];
    if (tenth) changes.push({ player, segment: 'veterans', change: 'entered', at: tenth.at });
    const sharp = own.filter(({ points }) => points >= 80).map(({ at }) => at);
    const moments = [...new Set(sharp.flatMap((at) => [at, at + WINDOW_MS]))].sort((a, b) => a - b);
    let is = false;
    for (const at of moments) {
      const holds = sharp.filter((each) => each <= at && each > at - WINDOW_MS).length >= 2;
      if (holds === is) continue;
      is = holds;
      changes.push({ player, segment: 'sharp', change: holds ? 'entered' : 'left', at });
    }
    return changes;
  });
}

export interface Players {
  readonly sent: readonly Score[];
  /** Sends so many scores, spread over all players; resolves when the gateway has taken each. `onTaken` hears of each batch. */
  play(count: number, onTaken?: (taken: number) => void): Promise<void>;
}

const LANES = 4;
const BATCH = 20;

/** Players whose scores are sent in batches over a few lanes at once; those of one player in order, on one lane. */
export function createPlayers(players: number, gateway: () => string, writeKey: string): Players {
  const sent: Score[] = [];
  const last = new Map<string, number>();
  const score = (index: number): Score => {
    const player = `player-${index % players}`;
    const at = Math.max(Date.now(), (last.get(player) ?? 0) + 1);
    last.set(player, at);
    const made = { messageId: `score-${index}`, player, points: (index * 7919) % 101, at };
    sent.push(made);
    return made;
  };
  return {
    sent,
    play: async (count, onTaken) => {
      const first = sent.length;
      const waiting = Array.from({ length: LANES }, (): number[] => []);
      for (let index = first; index < first + count; index++) waiting[(index % players) % LANES]?.push(index);
      let taken = 0;
      const lane = async (indices: readonly number[]): Promise<void> => {
        for (let from = 0; from < indices.length; from += BATCH) {
          const scores = indices.slice(from, from + BATCH).map(score);
          const batch = scores.map(({ messageId, player, points, at }) => ({
            type: 'track',
            event: 'Scored',
            userId: player,
            messageId,
            timestamp: new Date(at).toISOString(),
            properties: { points },
          }));
          await postUntilTaken(gateway, writeKey, 'batch', { batch });
          taken += scores.length;
          onTaken?.(taken);
        }
      };
      await Promise.all(waiting.map(lane));
    },
  };
}

/** The write key of the arena. */
export const arenaKey = 'key of the arena';

/** A workspace of players and their points; its key is ARENA_KEY of the environment. */
export const arena = {
  'freshet.yaml': 'name: arena\nsecret: a secret of players\n',
  'sources/scoreboard.yaml': `
source: scoreboard
description: Points as they are scored
owner: arena
endpoint: { write_keys: ['\${ARENA_KEY}'] }
lateness: 1s
`,
  ...segments,
};
