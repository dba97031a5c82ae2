import { doubleMetaphone } from 'double-metaphone';

/** Lower case, without accents; what is neither letter nor digit becomes a space, apostrophes vanish. */
export function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\p{M}'’`]/gu, '')
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** The words of a folded text. */
export function wordsOf(text: string): readonly string[] {
  const plain = folded(text);
  return plain === '' ? [] : plain.split(' ');
}

/** Whether both are written in the Latin alphabet, or both in others: else they cannot be compared by their letters. */
export function sameScript(a: readonly string[], b: readonly string[]): boolean {
  const latin = (words: readonly string[]): boolean => words.every((word) => /^[\p{Script=Latin}\d]+$/u.test(word));
  return latin(a) === latin(b);
}

/** How a word sounds in English, approximately; the word itself when nothing can be said. */
export function soundOf(word: string): string {
  return doubleMetaphone(word)[0] || word;
}
