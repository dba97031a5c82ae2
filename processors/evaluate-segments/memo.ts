/**
 * A pure function of an immutable value that remembers its last answer: the same state is asked several times in a row, and
 * hardly ever again.
 */
export function ofLast<A extends object, B>(work: (value: A) => B): (value: A) => B {
  let last: { readonly value: A; readonly answer: B } | undefined;
  return (value) => {
    if (last?.value !== value) last = { value, answer: work(value) };
    return last.answer;
  };
}
