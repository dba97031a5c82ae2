import { type Address, addressOf } from './address.ts';
import { type Birth, birthOf } from './birth.ts';
import { type Name, nameOf } from './names.ts';
import { wordsOf } from './text.ts';

/** What a record may say of a person, as texts. `papers`: numbers of documents by kind (passport, member card). */
export interface PersonText {
  readonly given?: string;
  readonly family?: string;
  /** Name of an organisation, when the record is of one. */
  readonly organisation?: string;
  /** Name of the organisation that a person works for. */
  readonly employer?: string;
  /** A full name, where the parts are not known. */
  readonly name?: string;
  readonly birth?: string;
  readonly number?: string;
  readonly street?: string;
  readonly city?: string;
  readonly postcode?: string;
  readonly phone?: string;
  readonly email?: string;
  readonly papers?: Readonly<Record<string, string>>;
}

/** A person as records of persons are compared. Holds personal data: never a key, never logged. */
export interface Person {
  readonly name: Name | null;
  /** Folded words; null: it is a person. */
  readonly organisation: readonly string[] | null;
  /** Folded words. */
  readonly employer: readonly string[] | null;
  readonly birth: Birth | null;
  readonly address: Address | null;
  /** Digits only. */
  readonly phone: string | null;
  readonly email: string | null;
  readonly papers: ReadonlyMap<string, string>;
}

const legalForms = new Set('inc ltd llc llp plc gmbh ag corp corporation co company limited sa'.split(' '));

/** Mailboxes of a task, not of somebody (RFC 2142, and what is usual beside). */
const roles = new Set(
  'info marketing sales support abuse noc security postmaster hostmaster webmaster admin office contact hello team mail service noreply'.split(
    ' ',
  ),
);

/** Reads a record; what is missing or unreadable is left out. */
export function personOf(text: PersonText): Person {
  const { given = '', family = '', name = '', birth = '', phone = '', email = '', papers = {} } = text;
  const address = /[^\s<>"]+@[^\s<>"]+/.exec(email.toLowerCase())?.[0];
  const digits = phone.replace(/\D/g, '').replace(/^0+/, '');
  return {
    name: nameOf({ given, family, full: name }),
    organisation: companyOf(text.organisation),
    employer: companyOf(text.employer),
    birth: birthOf(birth),
    address: addressOf(text),
    phone: digits.length >= 6 ? digits : null,
    email: address && !roles.has(address.slice(0, address.indexOf('@'))) ? address : null,
    papers: new Map(Object.entries(papers).flatMap(([kind, value]) => plain(kind, value))),
  };
}

function companyOf(text = ''): readonly string[] | null {
  const words = wordsOf(text).filter((word) => !legalForms.has(word));
  return words.length === 0 ? null : words;
}

function plain(kind: string, value: string): [string, string][] {
  const number = value.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  return number === '' ? [] : [[kind, number]];
}
