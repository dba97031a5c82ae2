import type { Happening } from './events.ts';

/** The call of the Segment specification that tells of it, as JSON. */
export function webCall({ id, user, email, device, name, properties, traits, poison }: Happening, at: number): string {
  const who = { ...(user === null ? {} : { userId: user }), ...(device === null ? {} : { anonymousId: device }) };
  const when = { messageId: id, timestamp: new Date(at).toISOString() };
  const what =
    name === 'Identify'
      ? { type: 'identify', traits: email === null ? traits : { ...traits, email } }
      : { type: 'track', event: name, properties };
  if (poison === 'gateway') return JSON.stringify({ ...what, ...who, ...when, timestamp: 'never' });
  if (poison === 'tag') return JSON.stringify({ ...what, ...who, ...when, context: { asOf: 'never' } });
  // An address that forms are filled with names nobody, and there is no other.
  if (poison === 'nobody') return JSON.stringify({ type: 'identify', traits: { email: 'test@test.com' }, ...when });
  return JSON.stringify({ ...what, ...who, ...when });
}

/** The record of the till's own form. */
export function tillRecord(happening: Happening, at: number): Buffer {
  const { id, user, email, device, name, properties, traits, poison } = happening;
  if (poison === 'bytes') return Buffer.from(`\u0001 no JSON ${id}`);
  if (poison === 'unknown-schema') return Buffer.from([0, 0, 0x7f, 0xff, 0xff, 1, 2, 3]);
  const record = { id, what: name, at: new Date(at).toISOString(), user, email, device, properties, traits };
  if (poison === 'shape') return Buffer.from(JSON.stringify({ ...record, what: 'Looked', properties: ['no', 'object'] }));
  if (poison === 'rule') return Buffer.from(JSON.stringify({ id, at: record.at }));
  return Buffer.from(JSON.stringify(record));
}

/** The identifier by which an event is ordered: kind and value. */
export function primaryOf({ user, email, device }: Pick<Happening, 'user' | 'email' | 'device'>): readonly [string, string] {
  if (user !== null) return ['user_id', user];
  return email !== null ? ['email', email] : ['anonymous_id', device ?? ''];
}
