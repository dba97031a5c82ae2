import { fraudSchema } from '../processors/detect-fraud/config.ts';
import { activationSchema } from '../processors/plan-activations/activation.ts';
import { ratesSchema } from '../processors/evaluate-segments/rates.ts';
import { segmentSchema } from '../processors/evaluate-segments/segment.ts';
import { identitySchema } from '../processors/stitch-identity/identity.ts';
import type { JsonSchema } from '../schemas/config.ts';
import { durationSchema } from '../schemas/duration.ts';
import { demandProperties } from '../schemas/freshness-demand.ts';
import { sourceSchema } from '../schemas/source-schema.ts';

const name: JsonSchema = {
  type: 'string',
  pattern: '^[a-z][a-z0-9-]{0,62}$',
  description: 'Name of the workspace: lower-case letters, digits and dashes.',
};

const freshetSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Workspace',
  type: 'object',
  description: 'What holds for the whole workspace.',
  properties: {
    name,
    secret: {
      type: 'string',
      minLength: 8,
      description:
        'Secret from which the keys of records are made; another one gives other keys. Best taken from the environment: ${NAME}.',
    },
    timezone: { type: 'string', minLength: 1, description: 'IANA name of the zone of local times in rules; UTC when left out.' },
    profiles: {
      type: 'object',
      description: 'By name of a profile: values of the parameters ${name:default} in files of the workspace.',
      additionalProperties: {
        type: 'object',
        description: 'Values by parameter.',
        additionalProperties: {
          description: 'a text, a number, true or false',
          anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }],
        },
      },
    },
    rates: ratesSchema,
    channels: {
      type: 'object',
      description: 'By name of a channel: what every message over it demands.',
      additionalProperties: {
        type: 'object',
        description: 'How fresh the facts of its messages must be.',
        properties: demandProperties,
        required: ['max_age'],
        additionalProperties: false,
      },
    },
    demo: {
      type: 'object',
      description: 'The shop, bank or whatever lives here when `freshet start` shows the workspace.',
      properties: {
        script: {
          type: 'string',
          minLength: 1,
          description:
            'Program that sends its events: called with --host URL --rate N --closed, it opens when the message {open: true} comes over the channel of its parent; called with --history FILE it writes its past.',
        },
        history: { type: 'string', minLength: 1, description: 'Source that its past belongs to, loaded before the first start.' },
        try_it: {
          type: 'string',
          minLength: 1,
          description: 'A command for the reader to try; $GATEWAY stands for the address of the gateway.',
        },
        troubles: {
          type: 'object',
          description:
            'What can go wrong with its sources on demand, by name: told in the first minutes, and by `freshet demo break`.',
          additionalProperties: {
            type: 'object',
            description: 'A trouble, of which the script is told by a message {trouble, is} over the channel of its parent.',
            properties: {
              source: { type: 'string', minLength: 1, description: 'Source that it concerns.' },
              for: durationSchema('After which it is mended.'),
              says: { type: 'string', minLength: 1, description: 'What has happened, in a sentence for whoever watches.' },
              mended: { type: 'string', minLength: 1, description: 'That it is over, in a sentence.' },
            },
            required: ['source', 'for', 'says', 'mended'],
            additionalProperties: false,
          },
        },
      },
      required: ['script'],
      additionalProperties: false,
    },
  },
  required: ['name', 'secret'],
  additionalProperties: false,
};

/** Kinds of files of a workspace, by folder; `freshet`, `identity` and `fraud` are single files, as freshet.yaml. */
export type FileKind = 'freshet' | 'identity' | 'fraud' | 'sources' | 'segments' | 'activations';

/** The JSON Schema of each kind of file, composed of what the components declare; for validation and for editors. */
export function workspaceJsonSchemas(): Readonly<Record<FileKind, JsonSchema>> {
  return {
    freshet: freshetSchema,
    identity: identitySchema,
    fraud: fraudSchema,
    sources: sourceSchema,
    segments: segmentSchema(),
    activations: activationSchema,
  };
}
