import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigProblem, type JsonSchema } from '../schemas/config.ts';
import { recordCheck } from '../schemas/record-check.ts';
import { isJsonObject } from '../schemas/segment-message.ts';
import type { Problem } from './problems.ts';
import { readYaml, type YamlFile } from './yaml-file.ts';

/**
 * The file of a source with the JSON Schema that it names put in its place. What is wrong with that schema goes to `problems`, with
 * its place in its own file; undefined then.
 */
export async function withRecordSchema(dir: string, source: YamlFile, problems: Problem[]): Promise<YamlFile | undefined> {
  const { data } = source;
  const name = isJsonObject(data) ? data['schema'] : undefined;
  if (!isJsonObject(data) || typeof name !== 'string') return source;
  if (!(await readdir(join(dir, 'sources'))).includes(name)) {
    problems.push(source.problem(['schema'], `expected a file sources/${name}, there is none`));
    return undefined;
  }
  const before = problems.length;
  const file = await readYaml(dir, `sources/${name}`, { values: {}, parameters: false }, problems);
  if (file === undefined || problems.length > before) return undefined;
  if (!isJsonObject(file.data)) problems.push(file.problem([], 'not a JSON Schema: expected an object'));
  else if (check(file, file.data, problems)) return { ...source, data: { ...data, schema: file.data } };
  return undefined;
}

function check(file: YamlFile, schema: JsonSchema, problems: Problem[]): boolean {
  try {
    recordCheck(schema);
    return true;
  } catch (error) {
    if (!(error instanceof ConfigProblem)) throw error;
    problems.push(file.problem(error.path, error.message));
    return false;
  }
}
