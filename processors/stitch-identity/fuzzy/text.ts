import { doubleMetaphone } from 'double-metaphone';

/** Letters of other alphabets as they are commonly written in Latin ones; accents are gone before, so й is и. */
const latin: ReadonlyMap<string, string> = new Map(
  [
    'а a б b в v г g д d е e ж zh з z и i к k л l м m н n о o п p р r с s т t у u ф f х kh ц ts ч ch ш sh щ shch ъ _ ы y ь _ э e ю yu',
    'я ya і i є ye ґ g ј j љ lj њ nj ћ c ђ dj џ dz',
    'α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r σ s ς s τ t υ y φ f χ ch ψ ps ω o',
  ].flatMap((line) => [...line.matchAll(/(\S+) (\S+)/g)].map(([, from = '', to = '']) => [from, to === '_' ? '' : to] as const)),
);

/** Lower case, without accents, Cyrillic and Greek in Latin letters; what is neither letter nor digit becomes a space, apostrophes vanish. */
export function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\p{M}'’`]/gu, '')
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .replace(/[\p{Script=Cyrillic}\p{Script=Greek}]/gu, (letter) => latin.get(letter) ?? letter)
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
