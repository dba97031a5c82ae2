/** Figures and times as text. Everything takes null for "not known". */

const two = (n) => String(n).padStart(2, '0');

/** A time of day; with the date when it is another day than today. */
export function time(ms) {
  if (ms === null || ms === undefined) return '–';
  const at = new Date(ms);
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === new Date().toDateString()) return `${clock}:${two(at.getSeconds())}`;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock}`;
}

/** A duration in the unit that fits it. */
export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`;
}

/** A whole number in groups of three; a small rate with one decimal. */
export function count(n) {
  if (n === null || n === undefined) return '–';
  if (n > 0 && n < 10 && !Number.isInteger(n)) return n.toFixed(1);
  return Math.round(n).toLocaleString('en-GB');
}

/** How bad a lag is: ok, slow (5 s) or late (a minute). */
export function grade(ms) {
  if (ms === null || ms === undefined || ms < 5000) return 'ok';
  return ms < 60_000 ? 'slow' : 'late';
}

/** The end of an id: enough to tell customers apart. */
export function short(id) {
  return id.length <= 10 ? id : `${id.slice(0, 4)}…${id.slice(-4)}`;
}
