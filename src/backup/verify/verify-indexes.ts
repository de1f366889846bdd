import { isDataopsError, messageOf } from "../../errors.ts";
import { endOf } from "../../repository/blocks/stored-block.ts";
import type { BlockList } from "../../repository/blocks/block-list.ts";
import { readBlockIndex, type BlockIndexRequest } from "../../repository/blocks/read-indexes.ts";
import type { Findings } from "../../repository/findings.ts";
import { packKey } from "../../repository/keys.ts";
import type { Manifest, ManifestBlockTable } from "../../repository/manifest.ts";
import { isStorageError } from "../../storage/storage-error.ts";
import type { Storage } from "../../storage/storage.ts";
import type { StoredPacks } from "./stored-packs.ts";

/** How often an index is read before it is taken for corrupt: a bit may also flip on the way. */
const ATTEMPTS = 2;

export interface IndexReaderOptions {
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  stored: StoredPacks;
  signal: AbortSignal;
}

/** Reads the lists of blocks of any number of backups of one database. */
export class IndexReader {
  readonly #options: IndexReaderOptions;
  /** Lists that were right, by what their manifests say of them: up to which byte they need which pack. */
  readonly #right = new Map<string, ReadonlyMap<string, number>>();

  constructor(options: IndexReaderOptions) {
    this.#options = options;
  }

  /**
   * Whether a table's list of blocks is one that was right before, of another backup, and is right for this one, too: then it
   * need not be read again.
   */
  isKnown(table: ManifestBlockTable, manifest: Manifest): boolean {
    const needed = this.#right.get(listKey(table));
    if (needed === undefined) return false;
    const sizes = sizesOf(manifest);
    return [...needed].every(([pack, end]) => end <= (sizes.get(pack) ?? -1));
  }

  /**
   * The ranges of a table; undefined where its list of blocks is not right, which is then among the findings.
   *
   * @throws what the storage throws, but for what says that a pack is missing; after an abort: the signal's reason
   */
  async read(
    table: ManifestBlockTable,
    manifest: Manifest,
    findings: Findings,
  ): Promise<BlockList | undefined> {
    const { storage, database, stored, signal } = this.#options;
    const { pack, offset, length } = table.index;
    const lost = stored.whyNot(table.index);
    const what =
      lost !== undefined
        ? `its list of blocks cannot be read: ${lost}`
        : await this.#tryRead({ storage, database, sizes: sizesOf(manifest), signal }, table);
    if (typeof what !== "string") return what;
    findings.add({
      object: packKey(database, pack),
      offset,
      length,
      table: `${table.schema}.${table.name}`,
      what,
    });
    return undefined;
  }

  async #tryRead(request: BlockIndexRequest, table: ManifestBlockTable): Promise<BlockList | string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const ranges = await readBlockIndex(request, table);
        this.#right.set(listKey(table), neededBy(ranges));
        return ranges;
      } catch (error) {
        if (isStorageError(error, "not-found")) return "its list of blocks cannot be read: it is missing";
        if (!isDataopsError(error, "corrupt")) throw error;
        if (attempt === ATTEMPTS) return messageOf(error);
      }
    }
  }
}

function sizesOf({ blocks }: Manifest): ReadonlyMap<string, number> {
  return new Map(blocks?.packs.map(({ name, size }) => [name, size]));
}

function listKey({ index, rows, size }: ManifestBlockTable): string {
  const { pack, offset, length, sha256 } = index;
  return `${pack} ${offset} ${length} ${index.size} ${sha256} ${rows} ${size}`;
}

function neededBy(ranges: BlockList): Map<string, number> {
  const needed = new Map<string, number>();
  for (const { block } of ranges) {
    for (const frame of [block?.frame, block?.base?.frame]) {
      if (frame !== undefined) needed.set(frame.pack, Math.max(endOf(frame), needed.get(frame.pack) ?? 0));
    }
  }
  return needed;
}
