import type { FrameReference } from "../../../src/repository/blocks/stored-block.ts";
import { backupOfPack } from "../../../src/repository/keys.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import type { StoredBlocks } from "../stored-blocks.ts";

/** How many blocks of backups came to be stored in which way. */
export interface BlockCounts {
  /** In a pack of an earlier backup. */
  referenced: number;
  /** In a pack of a run that was killed. */
  recovered: number;
  /** In a pack of its own, by itself. */
  full: number;
  /** In a pack of its own, as what differs from an earlier block. */
  delta: number;
}

/** Follows the blocks of one database's backups to where they are. */
export class BlockPaths {
  readonly counts: BlockCounts = { referenced: 0, recovered: 0, full: 0, delta: 0 };
  readonly #backups = new Set<string>();
  /** The frames that are decoded with a dictionary. */
  readonly #deltas = new Set<string>();
  readonly #dictionaries = new Set<string>();

  /** Adds up the blocks of one backup; the backups in their order. It is no backup any more if `isKilled`. */
  async add(stored: StoredBlocks, manifest: Manifest, isKilled: boolean): Promise<void> {
    if (!isKilled) this.#backups.add(manifest.id);
    for (const table of manifest.blocks?.tables ?? []) {
      for (const { frame, base } of await stored.blocks(table)) {
        if (base !== undefined) {
          this.#deltas.add(placeOf(frame));
          this.#dictionaries.add(placeOf(base.frame));
        }
        const writer = backupOfPack(frame.pack);
        if (writer === manifest.id) this.counts[base === undefined ? "full" : "delta"] += 1;
        else this.counts[this.#backups.has(writer) ? "referenced" : "recovered"] += 1;
      }
    }
  }

  /** The frames that are dictionaries, and need one themselves: a restore would have to read three frames for a block. */
  chains(): string[] {
    return [...this.#dictionaries].filter((place) => this.#deltas.has(place));
  }
}

function placeOf({ pack, offset, length }: FrameReference): string {
  return `${pack} ${offset} ${length}`;
}

/** Blocks that a server's histories have to store in each way, at least. */
const ENOUGH = 100;

/** The counts of all groups of one server. */
export class TotalCounts {
  readonly #all: BlockCounts[] = [];
  #histories = 0;

  add(counts: BlockCounts, histories: number): void {
    this.#all.push(counts);
    this.#histories += histories;
  }

  /** Those ways in which too few blocks were stored; none where too few histories were played to tell. */
  rare(): string[] {
    if (this.#histories < 100) return [];
    return (["referenced", "recovered", "full", "delta"] as const).flatMap((way) => {
      const total = this.#all.reduce((sum, counts) => sum + counts[way], 0);
      return total >= ENOUGH ? [] : [`${total} ${way}`];
    });
  }
}
