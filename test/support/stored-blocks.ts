import { hash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { zstdDecompressSync } from "node:zlib";
import { parseBlockIndex } from "../../src/repository/blocks/block-index.ts";
import type { BlockRange, FrameReference, StoredBlock } from "../../src/repository/blocks/stored-block.ts";
import { packKey } from "../../src/repository/keys.ts";
import type { Manifest, ManifestBlockTable } from "../../src/repository/manifest.ts";
import type { Storage } from "../../src/storage/storage.ts";

/** The blocks of a backup, read as the format's page says and by nothing of the program's own but the keys. */
export class StoredBlocks {
  readonly #storage: Storage;
  readonly #manifest: Manifest;
  /** Each is read once, whole: in tests they are small. */
  readonly #packs = new Map<string, Promise<Buffer>>();

  constructor(storage: Storage, manifest: Manifest) {
    this.#storage = storage;
    this.#manifest = manifest;
  }

  /** The first table of this name, in whichever schema; an entry is given back. */
  table(name: string | ManifestBlockTable): ManifestBlockTable {
    if (typeof name !== "string") return name;
    const found = this.#manifest.blocks?.tables.find((table) => table.name === name);
    if (found === undefined) throw new Error(`no blocks of ${name}`);
    return found;
  }

  async ranges(name: string | ManifestBlockTable): Promise<BlockRange[]> {
    const table = this.table(name);
    return [...(await parseBlockIndex([await this.#frame(table.index)], table.name))];
  }

  /** The blocks that have rows. */
  async blocks(name: string | ManifestBlockTable): Promise<StoredBlock[]> {
    return (await this.ranges(name)).flatMap(({ block }) => block ?? []);
  }

  /** The texts of all of a table's blocks, one after the other, each checked. */
  async text(name: string | ManifestBlockTable): Promise<Buffer> {
    const texts: Buffer[] = [];
    for (const { frame, base, sha256, size, rows } of await this.blocks(name)) {
      const dictionary = base === undefined ? undefined : await this.#frame(base.frame);
      if (dictionary !== undefined && digestOf(dictionary) !== base?.sha256) {
        throw new Error(`a dictionary of ${this.table(name).name} is not what its index says`);
      }
      const text = await this.#frame(frame, dictionary);
      const digest = digestOf(text);
      const actual = { digest, size: text.byteLength, rows: text.toString("latin1").split("\n").length - 1 };
      if (JSON.stringify(actual) !== JSON.stringify({ digest: sha256, size, rows })) {
        throw new Error(
          `a block of ${this.table(name).name} is ${JSON.stringify(actual)}, which is not what its index says`,
        );
      }
      texts.push(text);
    }
    return Buffer.concat(texts);
  }

  async #frame({ pack, offset, length }: FrameReference, dictionary?: Buffer): Promise<Buffer> {
    const stored = (await this.#pack(pack)).subarray(offset, offset + length);
    return zstdDecompressSync(stored, dictionary === undefined ? {} : { dictionary });
  }

  #pack(name: string): Promise<Buffer> {
    const known = this.#packs.get(name);
    if (known !== undefined) return known;
    const read = this.#storage.get(packKey(this.#manifest.database, name)).then(buffer);
    this.#packs.set(name, read);
    return read;
  }
}

function digestOf(text: Buffer): string {
  return hash("sha256", text, "hex");
}
