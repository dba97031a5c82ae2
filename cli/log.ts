import type { Log } from '../runtime/environment.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** One JSON object a line on the given stream; nothing below `least`. Fields hold no personal data; one named `message` is written as `reason`. */
export function jsonLog(write: (line: string) => void, least: (typeof levels)[number] = 'info'): Log {
  return (level, message, fields) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return;
    const { message: reason, ...others } = fields ?? {};
    write(
      `${JSON.stringify({ at: new Date().toISOString(), level, message, ...others, ...(reason === undefined ? {} : { reason }) })}\n`,
    );
  };
}
