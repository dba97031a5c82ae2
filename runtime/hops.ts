/**
 * The header `hops` tells the way of a record: `gateway=1763820000123;tag-freshness=1763820000131`, the epoch
 * milliseconds at which each hop handed it on. The runtime appends to it; a record caused by a timer begins anew.
 */
export interface HopStamp {
  readonly hop: string;
  readonly at: number;
}

export const HOPS = 'hops';

export function readHops(header: string | undefined): HopStamp[] {
  if (!header) return [];
  const stamps: HopStamp[] = [];
  for (const item of header.split(';')) {
    const at = item.lastIndexOf('=');
    const time = Number(item.slice(at + 1));
    if (at > 0 && Number.isFinite(time)) stamps.push({ hop: item.slice(0, at), at: time });
  }
  return stamps;
}

export function appendHop(header: string | undefined, hop: string, at: number): string {
  return header ? `${header};${hop}=${at}` : `${hop}=${at}`;
}

/** Stamps the header of many records with one hop at one time. */
export function hopStamper(hop: string, at: number): (header: Buffer | undefined) => Buffer {
  const first = Buffer.from(appendHop(undefined, hop, at));
  const later = Buffer.from(`;${first.toString()}`);
  return (header) => (header && header.length > 0 ? Buffer.concat([header, later]) : first);
}
