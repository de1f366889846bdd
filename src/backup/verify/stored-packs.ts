import { endOf, type FrameReference } from "../../repository/blocks/stored-block.ts";
import { packKey } from "../../repository/keys.ts";

/** The packs that are in the storage, and how long they are: what is not there need not be asked for. */
export class StoredPacks {
  readonly #database: string;
  readonly #sizes: ReadonlyMap<string, number>;

  /**
   * @param database the database's name in the configuration
   * @param sizes bytes of each pack that there is, by its key
   */
  constructor(database: string, sizes: ReadonlyMap<string, number>) {
    this.#database = database;
    this.#sizes = sizes;
  }

  /** Bytes of a pack; undefined where it is missing. */
  sizeOf(pack: string): number | undefined {
    return this.#sizes.get(packKey(this.#database, pack));
  }

  has(pack: string): boolean {
    return this.sizeOf(pack) !== undefined;
  }

  /** Why a frame cannot be there; undefined where it can. */
  whyNot(frame: FrameReference): string | undefined {
    const size = this.sizeOf(frame.pack);
    if (size === undefined) return "it is missing";
    return endOf(frame) > size ? "the pack ends before its end" : undefined;
  }
}
