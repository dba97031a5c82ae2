import { FreshetError } from '../runtime/errors.ts';

/** One thing that is wrong with a workspace, and where. Lines and columns count from 1; the file is relative to the workspace. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path of the field; empty for the file as a whole. */
  readonly field: string;
  readonly message: string;
}

/** `segments/big.yaml:4:11 when.count.within: expected …` */
export function showProblem({ file, line, column, field, message }: Problem): string {
  return `${file}:${line}:${column} ${field === '' ? '' : `${field}: `}${message}`;
}

/** Nothing starts with a problem: CONFIG_INVALID with one line for each, by file and place. */
export function refuse(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const ordered = problems.toSorted((one, other) =>
    one.file < other.file ? -1 : one.file > other.file ? 1 : one.line - other.line || one.column - other.column,
  );
  throw new FreshetError('CONFIG_INVALID', [...new Set(ordered.map(showProblem))].join('\n'));
}
