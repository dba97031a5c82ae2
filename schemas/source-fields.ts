import type { JsonSchema } from './config.ts';
import { durationSchema } from './duration.ts';
import { tableSchema } from './reference-table.ts';
import { enrichSchema } from './source-enrich.ts';
import { filesSchema } from './source-files.ts';
import { pollSchema, webhookSchema } from './source-pull.ts';
import { cadenceSchema } from './source-cadence.ts';
import { objectSchema, textSchema } from './schema-parts.ts';

const cel = (description: string): JsonSchema => textSchema(`${description} A CEL expression over \`record\`.`);
const celMap = (description: string): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: cel('The value under this name; left out where it is null.'),
});
const celOrMap = (description: string): JsonSchema => ({
  description: `${description} A CEL expression that gives an object, or a CEL expression per name.`,
  anyOf: [{ type: 'string', minLength: 1 }, celMap(description)],
});
const nameOrCel = (description: string): JsonSchema =>
  textSchema(`${description} A plain name, or a CEL expression after an equals sign.`);

const endpoint = objectSchema(
  'Fed through the HTTP gateway.',
  {
    write_keys: {
      type: 'array',
      minItems: 1,
      description: 'Write keys that stand for this source; several while one is being replaced.',
      items: {
        type: 'string',
        pattern: '^(sha256:[0-9a-fA-F]{64}|\\$\\{[A-Za-z_][A-Za-z0-9_]*\\})$',
        description: 'sha256: and the SHA-256 of the key in hex, or ${NAME} of an environment variable that holds the key.',
      },
    },
  },
  ['write_keys'],
);

const topic = objectSchema('Fed by any Kafka producer through a raw topic of its own, raw.<source>, in JSON or Avro.', {});

const file = objectSchema(
  'Fed from files by `freshet replay`.',
  {
    format: { enum: ['csv', 'ndjson'], description: 'csv: with a header line. ndjson: one JSON object a line.' },
    delimiter: {
      type: 'string',
      minLength: 1,
      maxLength: 1,
      description: 'What stands between the columns of a csv file; a comma by default.',
    },
    group_by: textSchema('Column whose equal values within a file make one record {key, rows}; without it each row is a record.'),
    drop_duplicate_rows: {
      type: 'boolean',
      description: 'Drop and count rows of a group that equal an earlier one in every column; false by default.',
    },
    time: cel('Event time of the record: the pace of the replay and the clock of the source.'),
  },
  ['format', 'time'],
);

const rule = objectSchema('How some of the records become events.', {
  when: cel('Which records; all when left out.'),
  skip: textSchema('These records are no events, and why: a short reason, by which they are counted.'),
  type: nameOrCel('Kind of call: track (the default), identify, page, screen, group or alias.'),
  event: nameOrCel('Name of the event.'),
  message_id: cel('Stable id, by which repetitions are recognised; from the place of the record when left out.'),
  occurred_at: cel('When it happened: a timestamp, epoch milliseconds, or text in ISO 8601.'),
  as_of: cel('As of when the source vouches for what it says, in the same forms; the time of the event when left out.'),
  ends_batch: {
    type: 'boolean',
    description: 'Such a record is the last of the batch whose as_of it says; false by default.',
  },
  identifiers: celMap(
    'Identifiers of the customer by kind: user_id, email, phone, anonymous_id, device_id, or a name of your own.',
  ),
  properties: celOrMap('Properties of the event.'),
  traits: celOrMap('Traits of the customer.'),
});

/** A `sources/*.yaml` file. */
export const sourceSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Source',
  ...objectSchema(
    'A declared source of events.',
    {
      source: {
        type: 'string',
        pattern: '^[a-z][a-z0-9-]{0,62}$',
        not: { const: 'tick' },
        description: 'Name of the source: lower-case letters, digits and dashes.',
      },
      description: textSchema('What it is, for people.'),
      owner: textSchema('Who answers for it.'),
      endpoint,
      topic,
      file,
      files: filesSchema,
      poll: pollSchema,
      webhook: webhookSchema,
      enrich: enrichSchema,
      keep: durationSchema(
        'How long its raw records are kept, from 1h to 400d: of the raw topic of the source; endpoints share events.raw, which is kept as long as the longest of them asks; 28d by default',
      ),
      mode: {
        enum: ['live', 'backfill', 'replay'],
        description:
          'How its events stand to the present; backfill and replay send no messages. live by default, replay of files.',
      },
      cadence: cadenceSchema('How often it says something new; realtime by default'),
      fed_by: {
        type: 'object',
        minProperties: 1,
        description:
          'What feeds it, by name and how often: other sources, or what is not connected. Its facts are never fresher than the slowest of these.',
        additionalProperties: cadenceSchema('How often what feeds it brings something new'),
      },
      lateness: durationSchema(
        'How much later than it happened an event may arrive and still be waited for; 5s by default, 0s of files. Of batches: how much later than its time the next one may come before the source counts as stale; 1h by default of nightly ones.',
      ),
      liveness: {
        description:
          'What proves that it lives: heartbeat (its feed vouches for it), batch (only the as-of of a complete batch moves its clock; it is complete when a record of a rule with ends_batch says so, else with the first record of the next one), {batch: {quiet: 1m}} (as batch, and complete after so long without a record of it), drained (quiet always means that nothing happened), or {idle_after: 5m} (quiet means that for so long, after that its clock stops)',
        anyOf: [
          { enum: ['heartbeat', 'batch', 'drained'] },
          objectSchema('Quiet means that nothing happened, but only for so long.', { idle_after: durationSchema('How long.') }, [
            'idle_after',
          ]),
          objectSchema(
            'It comes in batches.',
            {
              batch: objectSchema(
                'How a batch ends.',
                { quiet: durationSchema('Nothing more of it for so long, or the first record of the next one.') },
                ['quiet'],
              ),
            },
            ['batch'],
          ),
        ],
      },
      events: {
        type: 'array',
        minItems: 1,
        items: textSchema('Name of an event.'),
        description: 'Events it may carry; others are rejected. Any when left out, or those of the rules.',
      },
      schema: {
        description:
          'What each of its records must be, as a JSON Schema (2020-12, or the draft that its $schema names): inline, or the name of a file beside this one, such as till.schema.json. What does not fit is rejected before the transform.',
        anyOf: [{ type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*\\.json$' }, { type: 'object' }],
      },
      table: tableSchema,
      timezone: textSchema('IANA name of the zone of its local times; UTC by default.'),
      transform: {
        type: 'array',
        minItems: 1,
        items: rule,
        description:
          'How records become events; the first rule that fits is used. Without rules, records are calls of the Segment specification.',
      },
    },
    ['source', 'description', 'owner'],
  ),
};
