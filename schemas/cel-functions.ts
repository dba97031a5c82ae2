import { EvaluationError, type ASTNode, type Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { localTimeParser } from './local-time.ts';

/** The functions that freshet adds to CEL, for the docs. */
export const celFunctionDocs: readonly { readonly signature: string; readonly description: string }[] = [
  { signature: 'number(string | int | double)', description: 'The number that a text stands for; an error when it is none.' },
  { signature: 'sum(list)', description: 'The sum of a list of numbers, 0 of an empty one.' },
  { signature: 'round(number, digits)', description: 'Rounded to so many decimal places, halves away from zero.' },
  { signature: 'abs(number)', description: 'The number without its sign.' },
  {
    signature: 'parse_time(text, format[, timezone])',
    description: 'A local time such as "yyyy-MM-dd HH:mm:ss" as a timestamp; without a zone, in that of the source.',
  },
  { signature: 'text.matches(regexp)', description: 'Whether the RE2 expression, a literal, matches somewhere in the text.' },
];

/** Adds them to an environment. All are pure; `matches` runs in linear time, whatever the expression. */
export function celFunctions(environment: Environment, timezone: string): void {
  const sync = { async: false };
  const pure = (signature: string, handler: (...args: never[]) => unknown): Environment =>
    environment.registerFunction(signature, handler, sync);

  pure('number(string): double', numberOf);
  pure('number(double): double', (value: number) => value);
  pure('number(int): double', (value: bigint) => Number(value));
  pure('sum(list): double', (list: Iterable<unknown>) => {
    let total = 0;
    for (const each of list) {
      if (typeof each !== 'number' && typeof each !== 'bigint') throw expected('expected a list of numbers');
      total += Number(each);
    }
    return total;
  });
  pure('round(double, int): double', (value: number, digits: bigint) => roundTo(value, Number(digits)));
  pure('round(int, int): double', (value: bigint) => Number(value));
  pure('abs(double): double', (value: number) => Math.abs(value));
  pure('abs(int): int', (value: bigint) => (value < 0n ? -value : value));

  const parsers = new Map<string, (text: string) => number | undefined>();
  const parseTime = (text: string, format: string, zone: string): Date => {
    const key = `${format}\0${zone}`;
    let parser = parsers.get(key);
    if (parser === undefined) {
      try {
        parser = localTimeParser(format, zone);
      } catch {
        throw expected('expected a format of yyyy MM dd HH mm ss SSS and an IANA time zone');
      }
      if (parsers.size < 100) parsers.set(key, parser);
    }
    const epoch = parser(text);
    if (epoch === undefined) throw expected(`expected a time such as ${format}`);
    return new Date(epoch);
  };
  const timestamp = 'google.protobuf.Timestamp';
  pure(`parse_time(string, string): ${timestamp}`, (text: string, format: string) => parseTime(text, format, timezone));
  pure(`parse_time(string, string, string): ${timestamp}`, parseTime);

  mixedArithmetic(environment);
  linearMatches(environment);
}

function expected(message: string): EvaluationError {
  return new EvaluationError({ code: 'expected', message });
}

function numberOf(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw expected('expected a number');
  return value;
}

/** Decimal rounding of what a double is printed as, so that 1.005 with two digits is 1.01. */
function roundTo(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits < 0 || digits > 15) throw expected('expected a number and 0 to 15 digits');
  const [mantissa = '0', exponent = '0'] = String(Math.abs(value)).split('e');
  const shifted = Math.round(Number(`${mantissa}e${Number(exponent) + digits}`));
  const [whole = '0', power = '0'] = String(shifted).split('e');
  return Math.sign(value) * Number(`${whole}e${Number(power) - digits}`);
}

/** Numbers in JSON are doubles, whole numbers in an expression are integers: `record.total * 2` shall work. */
function mixedArithmetic(environment: Environment): void {
  const operators: readonly (readonly [string, (a: number, b: number) => number])[] = [
    ['+', (a, b) => a + b],
    ['-', (a, b) => a - b],
    ['*', (a, b) => a * b],
    ['/', (a, b) => a / b],
  ];
  for (const [operator, apply] of operators) {
    environment.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) => apply(a, Number(b)));
    environment.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) => apply(Number(a), b));
  }
}

interface MatchesMacro {
  readonly receiver: ASTNode;
  readonly regexp: RE2JS;
}
interface Checker {
  check(node: ASTNode, context: unknown): unknown;
  getType(name: string): unknown;
}
interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
}

/**
 * The library runs `matches` on JavaScript's backtracking engine. A macro of the same name and arity is preferred by its parser,
 * whatever its receiver: this one takes the expression as a literal and compiles it with RE2 while parsing.
 */
function linearMatches(environment: Environment): void {
  environment.registerType('Regexp', { fields: {} });
  environment.registerFunction('Regexp.matches(ast): bool', ({ args, receiver }: { args: ASTNode[]; receiver: ASTNode }) => {
    const literal = args[0];
    if (literal?.op !== 'value' || typeof literal.args !== 'string')
      throw expected('matches() takes its regular expression as a literal');
    return {
      receiver,
      regexp: compileRegexp(literal.args),
      async: false,
      typeCheck: (checker: Checker, macro: MatchesMacro, context: unknown) => {
        checker.check(macro.receiver, context);
        return checker.getType('bool');
      },
      evaluate: (evaluator: Evaluator, macro: MatchesMacro, context: unknown) => {
        const text = evaluator.run(macro.receiver, context);
        if (typeof text !== 'string') throw expected('expected a text to match');
        return macro.regexp.test(text);
      },
    };
  });
}

function compileRegexp(text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw expected(`not a valid RE2 expression: ${(error as Error).message}`);
  }
}
