import { describe, expect, it } from '@jest/globals';
import { FreshetError } from '../runtime/errors.ts';
import { patiently } from './patiently.ts';

const away = new FreshetError('REGISTRY_UNAVAILABLE', 'nobody there', { retryable: true });

describe('patience', () => {
  it('tries again for as long as what fails may come back, and tells it', async () => {
    const waits: string[] = [];
    let left = 3;
    const attempt = async (): Promise<string> => {
      if (left-- > 0) throw away;
      return 'there';
    };
    expect(await patiently(attempt, { onWait: (reason) => waits.push(reason), firstMs: 1 })).toBe('there');
    expect(waits).toEqual(['nobody there', 'nobody there', 'nobody there']);
  });

  it('does not wait for what no waiting heals, nor once it is ended', async () => {
    const wrong = new FreshetError('TOPIC_MISMATCH', 'another count');
    await expect(patiently(() => Promise.reject(wrong), { onWait: () => undefined })).rejects.toBe(wrong);
    const ending = new AbortController();
    const onWait = (): void => ending.abort();
    await expect(patiently(() => Promise.reject(away), { onWait, signal: ending.signal })).rejects.toBe(away);
  });
});
