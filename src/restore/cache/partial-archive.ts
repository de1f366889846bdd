import { createHash } from "node:crypto";
import { open, readFile, type FileHandle } from "node:fs/promises";
import type { ManifestArchive } from "../../repository/manifest.ts";
import type { ByteRange } from "../../storage/storage.ts";
import type { ArchiveFiles } from "./files.ts";
import { isSystemError, readRange, writeFully } from "./disk.ts";

/**
 * An archive that is being downloaded: a file with each piece at its place, and a journal of those that were written and
 * checked. Neither is flushed to disk: what the journal says is checked again before it is believed.
 */
export class PartialArchive implements AsyncDisposable {
  readonly #archive: ManifestArchive;
  readonly #file: FileHandle;
  readonly #journal: FileHandle;
  readonly #present = new Set<number>();

  private constructor(archive: ManifestArchive, file: FileHandle, journal: FileHandle) {
    this.#archive = archive;
    this.#file = file;
    this.#journal = journal;
  }

  /** Opens what an earlier download left, checking each piece that it recorded; or begins. */
  static async open(
    files: ArchiveFiles,
    archive: ManifestArchive,
    signal: AbortSignal,
  ): Promise<PartialArchive> {
    const recorded = await readJournal(files.pieces);
    await using opened = new AsyncDisposableStack();
    const file = opened.use(await openForUpdate(files.partial));
    const journal = opened.use(await open(files.pieces, "a", 0o600));
    const partial = new PartialArchive(archive, file, journal);
    for (const index of recorded) {
      if (index < archive.pieces.length && (await partial.#isGood(index, signal)))
        partial.#present.add(index);
    }
    opened.move();
    return partial;
  }

  /** The numbers of the pieces that are to be fetched, in order. */
  missing(): number[] {
    return [...this.#archive.pieces.keys()].filter((index) => !this.#present.has(index));
  }

  /** Where in the archive a piece is. */
  rangeOf(index: number): ByteRange {
    const start = index * this.#archive.pieceSize;
    return { start, end: Math.min(start + this.#archive.pieceSize, this.#archive.size) };
  }

  /** Whether `digest` (SHA-256, hexadecimal) is that of the piece. */
  matches(index: number, digest: string): boolean {
    return digest === this.#archive.pieces[index];
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await writeFully(this.#file, bytes, position);
  }

  /** Records a piece that was written and checked. */
  async record(index: number): Promise<void> {
    await this.#journal.appendFile(`${index}\n`);
    this.#present.add(index);
  }

  /** Cuts off what may be left behind the archive's end. */
  async trim(): Promise<void> {
    await this.#file.truncate(this.#archive.size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await this.#journal.close();
  }

  async #isGood(index: number, signal: AbortSignal): Promise<boolean> {
    const { start, end } = this.rangeOf(index);
    const hash = createHash("sha256");
    for await (const chunk of readRange(this.#file, start, end, signal)) hash.update(chunk);
    return this.matches(index, hash.digest("hex"));
  }
}

/** What the journal of a whole archive holds. */
export function fullJournal(archive: ManifestArchive): string {
  return archive.pieces.map((_, index) => `${index}\n`).join("");
}

async function readJournal(path: string): Promise<Set<number>> {
  try {
    const lines = (await readFile(path, "utf8")).split("\n");
    return new Set(lines.filter((line) => /^\d{1,6}$/.test(line)).map(Number));
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return new Set();
    throw error;
  }
}

/** Opens a file to write at any place, making one that only its owner may read if there is none. */
async function openForUpdate(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx+", 0o600);
  } catch (error) {
    if (!isSystemError(error, "EEXIST")) throw error;
    return open(path, "r+");
  }
}
