import type { Manifest } from "../../../src/repository/manifest.ts";
import { readBlockIndexes } from "../../../src/repository/blocks/read-indexes.ts";
import type { Storage } from "../../../src/storage/storage.ts";

/** How the blocks of backups came to be stored. */
export interface BlockPaths {
  /** In a pack of an earlier backup. */
  referenced: number;
  /** In a pack of its own, by itself. */
  full: number;
  /** In a pack of its own, as what differs from an earlier block. */
  delta: number;
}

/** Adds up the blocks of one backup. */
export async function countBlockPaths(storage: Storage, manifest: Manifest): Promise<BlockPaths> {
  const signal = new AbortController().signal;
  const paths: BlockPaths = { referenced: 0, full: 0, delta: 0 };
  for (const { ranges } of await readBlockIndexes({ storage, manifest, signal })) {
    for (const { block } of ranges) {
      if (block === undefined) continue;
      const isOwn = block.frame.pack.startsWith(`${manifest.id}-`);
      paths[isOwn ? (block.base === undefined ? "full" : "delta") : "referenced"] += 1;
    }
  }
  return paths;
}

export function addPaths(one: BlockPaths, other: BlockPaths): BlockPaths {
  return {
    referenced: one.referenced + other.referenced,
    full: one.full + other.full,
    delta: one.delta + other.delta,
  };
}
