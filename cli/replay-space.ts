import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tryLock } from '../infra/lock.mjs';
import { FreshetError } from '../runtime/errors.ts';
import type { Admin } from '../runtime/kafka/contract.ts';
import type { Settings } from './settings.ts';

/**
 * Settings of a space of its own: everything in it is named by the prefix `replay-<name>.`, which no part of a deployment has.
 * CONFIG_INVALID for a name that could reach beyond it.
 */
export function spaceSettings(settings: Settings, name: string): Settings {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new FreshetError('CONFIG_INVALID', '--space must be made of lower-case letters, digits and dashes');
  }
  return { ...settings, prefix: `${settings.prefix}replay-${name}.` };
}

/** Keeps other processes out of the space, as far as they use this data folder. ALREADY_RUNNING names the one that is in it. */
export function holdSpace({ prefix, dataDir }: Settings): { readonly release: () => void } {
  const lock = tryLock(join(dataDir, 'stores', `${prefix}lock`));
  if (lock.held) return lock;
  throw new FreshetError('ALREADY_RUNNING', `process ${lock.by} replays into this space: end it first, or name another --space`);
}

/** Removes all topics and local stores of the space. */
export async function clearSpace(
  admin: Pick<Admin, 'topics' | 'deleteTopics'>,
  { prefix, dataDir }: Pick<Settings, 'prefix' | 'dataDir'>,
): Promise<void> {
  const topics = (await admin.topics()).filter((topic) => topic.startsWith(prefix));
  if (topics.length > 0) await admin.deleteTopics(topics);
  await rm(join(dataDir, 'stores', prefix), { recursive: true, force: true });
}
