import { compileCel } from './cel.ts';
import { ConfigProblem, type ConfigPath, type FilesConfig, type JsonSchema } from './config.ts';
import { durationSchema, parseDuration } from './duration.ts';
import { objectSchema, textSchema } from './schema-parts.ts';

/** `files` of a source file, as the schema lets it through. */
export interface FilesYaml {
  readonly folder: string;
  readonly format?: 'csv' | 'ndjson';
  readonly delimiter?: string;
  readonly pattern?: string;
  readonly columns?: readonly string[];
  readonly as_of?: string;
  readonly settle?: string;
}

/** The part `files` of a source file. */
export const filesSchema: JsonSchema = objectSchema(
  'Files that are put into a folder; each row is a record of the raw topic.',
  {
    folder: textSchema(
      'Where files are put; relative to the workspace, and it may begin with ${NAME} of an environment variable. Finished ones are moved to done/ in it, those that cannot be used to failed/.',
    ),
    format: {
      enum: ['csv', 'ndjson'],
      description:
        'csv: with a header line. ndjson: one JSON object a line. By the end of its name when left out: .csv, .ndjson or .jsonl.',
    },
    delimiter: {
      type: 'string',
      minLength: 1,
      maxLength: 1,
      description: 'What stands between the columns of a csv file; a comma by default.',
    },
    pattern: {
      type: 'string',
      pattern: '^[^/]+$',
      description: 'Names of the files that are taken, such as stock-*.csv: * stands for any text, ? for one character.',
    },
    columns: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: textSchema('Name of a column.'),
      description: 'All columns of a csv file, in any order: a file with others, or without one of them, is not taken.',
    },
    as_of: textSchema(
      'As of when a row holds: a CEL expression over `record` and `file` (`name`, `modified`). The newest of a file is that of its batch, which ends with the file. Needed unless a rule has ends_batch.',
    ),
    settle: durationSchema('How long a file must not have changed before it is taken to be whole; 10s by default.'),
  },
  ['folder'],
);

/** Compiles `files`; `hasEnd`: a rule of the source says where a batch ends. ConfigProblem with the path and what was expected. */
export function compileFiles(
  yaml: FilesYaml,
  env: Readonly<Record<string, string | undefined>>,
  { timezone, hasEnd }: { readonly timezone: string; readonly hasEnd: boolean },
): FilesConfig {
  const path: ConfigPath = ['files'];
  const { folder, format = null, pattern = null, columns = null, as_of: asOf = null } = yaml;
  if (asOf !== null) compileCel(asOf, { variables: ['record', 'file'], path: [...path, 'as_of'], timezone });
  if (asOf === null && !hasEnd)
    throw new ConfigProblem(
      path,
      '"as_of" is missing: as of when does a file hold? A column such as record.counted_at, or file.modified',
    );
  const isNdjson = format === 'ndjson';
  for (const name of ['delimiter', 'columns'] as const)
    if (isNdjson && yaml[name] !== undefined) throw new ConfigProblem([...path, name], 'expected only of csv files');
  return {
    folder: filledIn(folder, env, [...path, 'folder']),
    format,
    delimiter: yaml.delimiter ?? ',',
    pattern,
    columns,
    asOf,
    endsBatch: !hasEnd,
    settleMs: yaml.settle === undefined ? 10_000 : parseDuration(yaml.settle, [...path, 'settle']),
  };
}

function filledIn(folder: string, env: Readonly<Record<string, string | undefined>>, path: ConfigPath): string {
  const [whole = '', name] = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}/.exec(folder) ?? [];
  if (name === undefined) return folder;
  const value = env[name];
  if (value === undefined || value === '') throw new ConfigProblem(path, `the environment variable ${name} is not set`);
  return value + folder.slice(whole.length);
}
