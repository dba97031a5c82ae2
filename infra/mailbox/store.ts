import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A received mail, as the mailbox keeps and shows it. */
export interface Mail {
  /** Counts from 1 in the order of arrival, over restarts. */
  readonly id: number;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  readonly messageId: string;
  readonly from: string;
  /** Of the envelope. */
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  /** The message as it came. */
  readonly source: string;
}

/** The newest `keep` mails, one JSON file each, in memory and in `folder`. Files that cannot be read are left out. */
export class MailStore {
  readonly #folder: string;
  readonly #keep: number;
  #mails: readonly Mail[] = [];
  #last = 0;

  private constructor(folder: string, keep: number) {
    this.#folder = folder;
    this.#keep = keep;
  }

  static async open(folder: string, keep: number): Promise<MailStore> {
    await mkdir(folder, { recursive: true });
    const store = new MailStore(folder, keep);
    const ids = (await readdir(folder)).flatMap((file) => /^(\d+)\.json$/.exec(file)?.[1] ?? []).map(Number);
    ids.sort((a, b) => a - b);
    store.#last = ids.at(-1) ?? 0;
    const read = await Promise.all(ids.map((id) => readMail(store.#file(id))));
    store.#mails = read.filter((mail) => mail !== undefined);
    await store.#prune();
    return store;
  }

  /** Newest first. */
  list(): readonly Mail[] {
    return this.#mails.toReversed();
  }

  find(id: number): Mail | undefined {
    return this.#mails.find((mail) => mail.id === id);
  }

  /** Resolves when the mail is on disk. */
  async add(mail: Omit<Mail, 'id'>): Promise<Mail> {
    const kept = { id: ++this.#last, ...mail };
    const file = this.#file(kept.id);
    await writeFile(`${file}.new`, JSON.stringify(kept));
    await rename(`${file}.new`, file);
    this.#mails = [...this.#mails, kept];
    await this.#prune();
    return kept;
  }

  async #prune(): Promise<void> {
    const gone = this.#mails.slice(0, Math.max(0, this.#mails.length - this.#keep));
    this.#mails = this.#mails.slice(gone.length);
    for (const { id } of gone) await rm(this.#file(id), { force: true });
  }

  #file(id: number): string {
    return join(this.#folder, `${id}.json`);
  }
}

async function readMail(file: string): Promise<Mail | undefined> {
  try {
    const mail = JSON.parse(await readFile(file, 'utf8')) as Mail;
    return typeof mail.id === 'number' && Array.isArray(mail.to) ? mail : undefined;
  } catch {
    return undefined;
  }
}
