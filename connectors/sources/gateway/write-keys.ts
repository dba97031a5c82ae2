import { createHash, timingSafeEqual } from 'node:crypto';
import { FreshetError } from '../../../runtime/errors.ts';
import type { SourceConfig } from '../../../schemas/config.ts';
import { instantParser } from '../../../schemas/instant.ts';

/** What the gateway needs to know of a source. */
export interface KnownSource {
  readonly name: string;
  /** Epoch milliseconds of a time as its events may write it; undefined for what is none. */
  readonly parseInstant: (value: unknown) => number | undefined;
}

/** Finds the source that a write key belongs to. */
export type FindSource = (writeKey: string) => KnownSource | undefined;

/**
 * Keys are known only by their SHA-256 and compared in constant time, all of them each time, so that the time of an
 * answer tells nothing of how near a guess came. Throws CONFIG_INVALID when two sources share a key.
 */
export function writeKeys(sources: readonly SourceConfig[]): FindSource {
  const known = sources.flatMap((source) =>
    source.input.kind === 'endpoint' ? hashesOf(source, source.input.writeKeyHashes) : [],
  );
  const owners = new Map<string, string>();
  for (const { source, hash } of known) {
    const owner = owners.get(hash.toString('hex'));
    if (owner !== undefined && owner !== source.name) {
      throw new FreshetError('CONFIG_INVALID', `sources ${owner} and ${source.name} share a write key`);
    }
    owners.set(hash.toString('hex'), source.name);
  }
  return (writeKey) => {
    const digest = createHash('sha256').update(writeKey).digest();
    let found: KnownSource | undefined;
    for (const { source, hash } of known) if (timingSafeEqual(hash, digest)) found = source;
    return found;
  };
}

function hashesOf(source: SourceConfig, hashes: readonly string[]): { source: KnownSource; hash: Buffer }[] {
  const known = { name: source.name, parseInstant: instantParser(source.timezone) };
  return hashes.map((hash) => ({ source: known, hash: hashBytes(source, hash) }));
}

function hashBytes(source: SourceConfig, hex: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(hex)) {
    throw new FreshetError('CONFIG_INVALID', `source ${source.name}: a write key's hash must be a SHA-256 in hex`);
  }
  return Buffer.from(hex, 'hex');
}

/** The user of a Basic authorization header; the password does not matter. Undefined without one. */
export function basicUser(authorization: string | undefined): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [user] = Buffer.from(encoded, 'base64').toString('utf8').split(':', 1);
  return user === undefined || user === '' ? undefined : user;
}
