import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { GatewayLimits } from './limits.ts';
import { refuse, type Refusal } from './refusal.ts';

const gunzipAsync = promisify(gunzip);

/** Whether bytes begin as gzip does, whatever the headers of the request say. */
export function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The most that a gzip body of so many bytes may inflate to. */
export function inflatedLimit(wireBytes: number, limits: GatewayLimits): number {
  return Math.min(limits.bodyBytes, Math.max(limits.freeInflateBytes, limits.inflateRatio * wireBytes));
}

/** Inflates off the JavaScript thread; never holds more than `inflatedLimit`. */
export async function inflate(bytes: Buffer, limits: GatewayLimits): Promise<Buffer | Refusal> {
  const most = inflatedLimit(bytes.length, limits);
  try {
    return await gunzipAsync(bytes, { maxOutputLength: most });
  } catch (error) {
    const tooLarge = typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    if (!tooLarge) return refuse(400, 'invalid_body', 'the gzip body is damaged');
    return refuse(
      413,
      'body_too_large',
      most === limits.bodyBytes
        ? `the body inflates to more than ${most} bytes`
        : `the body inflates to more than ${limits.inflateRatio} times its size`,
    );
  }
}
