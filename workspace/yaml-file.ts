import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from 'yaml';
import { ConfigProblem, type ConfigPath } from '../schemas/config.ts';
import { fillIn, type Values } from './parameters.ts';
import type { Problem } from './problems.ts';

/** A YAML file of a workspace, read and with its parameters filled in. */
export interface YamlFile {
  /** Relative to the workspace. */
  readonly file: string;
  readonly data: unknown;
  /** The problem of a field, or of the nearest field around it that is there, with its place. */
  problem(path: ConfigPath, message: string): Problem;
}

/** A file with what was compiled of it. */
export interface Compiled<T> {
  readonly file: YamlFile;
  readonly value: T;
}

export interface ReadOptions {
  readonly values: Values;
  /** Fields in which `${name}` is left to whoever compiles the file: secrets are never put into the data. */
  readonly left?: readonly string[];
  /** false: `${name}` stands for itself. */
  readonly parameters?: boolean;
}

/** Reads one file. What is no YAML, or a parameter without a value, goes to `problems`; undefined if it could not be read as YAML. */
export async function readYaml(
  dir: string,
  file: string,
  options: ReadOptions,
  problems: Problem[],
): Promise<YamlFile | undefined> {
  const lines = new LineCounter();
  const document = parseDocument(await readFile(join(dir, file), 'utf8'), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number, field: string, message: string): Problem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col), field, message };
  };
  if (document.errors.length > 0) {
    problems.push(...document.errors.map((error) => at(error.pos[0], '', `expected YAML: ${error.message}`)));
    return undefined;
  }
  const unset = options.parameters === false ? [] : fillIn(document, options.values, options.left);
  for (const { name, offset } of unset) {
    problems.push(
      at(
        offset,
        '',
        `the parameter ${name} has no value: expected it in the profile or the environment, or a default as in \${${name}:…}`,
      ),
    );
  }
  return {
    file,
    data: document.toJS(),
    problem: (path, message) => at(offsetOf(document.contents, path), path.join('.'), message),
  };
}

/** What `compile` returns; a ConfigProblem of it goes to `problems`. */
export function attempt<T>(file: YamlFile, problems: Problem[], compile: (data: unknown) => T): T | undefined {
  try {
    return compile(file.data);
  } catch (error) {
    if (!(error instanceof ConfigProblem)) throw error;
    problems.push(file.problem(error.path, error.message));
    return undefined;
  }
}

/** The paths at which a text stands in data. */
export function pathsOf(data: unknown, text: string, path: ConfigPath = []): readonly ConfigPath[] {
  if (data === text) return [path];
  if (Array.isArray(data)) return data.flatMap((each, index) => pathsOf(each, text, [...path, index]));
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([key, each]) => pathsOf(each, text, [...path, key]));
}

function offsetOf(contents: unknown, path: ConfigPath): number {
  let node = contents;
  let offset = (contents as Node | null)?.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      node = pair.value;
      offset = (pair.key as Node).range?.[0] ?? offset;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
