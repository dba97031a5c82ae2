import { describe, expect, it } from '@jest/globals';
import { differences } from './compatibility.ts';

const record = (name: string, ...fields: readonly object[]) => ({ type: 'record', name, namespace: 'test', fields });
const field = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more });
const between = (reader: unknown, writer: unknown) => differences(JSON.stringify(reader), JSON.stringify(writer));

describe('what keeps a schema from reading what another wrote', () => {
  it.each([
    ['the same', record('A', field('x', 'int')), record('A', field('x', 'int'))],
    ['a new field with a default', record('A', field('x', 'int', { default: 0 })), record('A')],
    ['a field left out', record('A'), record('A', field('x', 'int'))],
    ['a wider number', record('A', field('x', 'long')), record('A', field('x', 'int'))],
    ['a field made nullable', record('A', field('x', ['null', 'int'])), record('A', field('x', 'int'))],
    [
      'another logical type',
      record('A', field('x', { type: 'long', logicalType: 'timestamp-millis' })),
      record('A', field('x', 'long')),
    ],
  ])('is nothing for %s', (_, reader, writer) => {
    expect(between(reader, writer)).toEqual([]);
  });

  const inner = (...fields: readonly object[]) => record('Inner', field('y', 'int'), ...fields);
  const added = field('z', 'int');

  it.each([
    ['in a record', record('A', field('x', inner(added))), record('A', field('x', inner())), 'A.x.z is new and has no default'],
    [
      'in a nullable record',
      record('A', field('x', ['null', inner(added)])),
      record('A', field('x', ['null', inner()])),
      'A.x.z is new and has no default',
    ],
    [
      'in a list',
      record('A', field('x', { type: 'array', items: inner(added) })),
      record('A', field('x', { type: 'array', items: inner() })),
      'A.x[].z is new and has no default',
    ],
    [
      'in a map',
      record('A', field('x', { type: 'map', values: 'int' })),
      record('A', field('x', { type: 'map', values: 'string' })),
      'A.x{} was string and is int',
    ],
    ['of a union', record('A', field('x', 'int')), record('A', field('x', ['null', 'int'])), 'A.x was [null, int] and is int'],
    ['of the name', record('B'), record('A'), 'the record was A and is B'],
  ])('is named by place: %s', (_, reader, writer, difference) => {
    expect(between(reader, writer)).toEqual([difference]);
  });

  it('is said by avsc where the place is not found', () => {
    expect(between({ type: 'enum', name: 'E', symbols: ['A'] }, { type: 'enum', name: 'E', symbols: ['A', 'B'] })).toHaveLength(
      1,
    );
  });
});
