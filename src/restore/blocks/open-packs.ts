import type { CacheConfig } from "../../config/config.ts";
import { messageOf } from "../../errors.ts";
import type { Reporter } from "../../observe/reporter.ts";
import type { FrameReference } from "../../repository/blocks/stored-block.ts";
import {
  isWorthCaching,
  openPackCache,
  noPackCache,
  type PackCache,
} from "../../repository/blocks/pack-cache.ts";
import type { BlockTable } from "../../repository/blocks/read-indexes.ts";
import type { Manifest } from "../../repository/manifest.ts";
import type { Storage } from "../../storage/storage.ts";
import { makeRoomForPacks } from "../cache/space.ts";

export interface OpenPacksRequest {
  storage: Storage;
  manifest: Pick<Manifest, "database" | "blocks">;
  cache: CacheConfig;
  reporter: Reporter;
}

/** The cache for the packs that these tables' blocks are in, with room for what it lacks of them. */
export async function openPacks(
  request: OpenPacksRequest,
  tables: readonly BlockTable[],
): Promise<PackCache> {
  const { storage, manifest, cache, reporter } = request;
  if (!isWorthCaching(storage)) return noPackCache;
  const { database } = manifest;
  const needed = neededOfPacks(tables, manifest.blocks?.packs ?? []);
  try {
    await makeRoomForPacks(database, needed, { cache, reporter });
  } catch (error) {
    reporter.warn(`no room can be made in ${cache.directory}: ${messageOf(error)}`);
  }
  return await openPackCache({ cache, database, needed, reporter });
}

/** How many bytes of which packs a restore of these tables reads at most, dictionaries with them. Pure. */
export function neededOfPacks(
  tables: readonly BlockTable[],
  packs: readonly { name: string; size: number }[],
): { name: string; size: number }[] {
  const read = new Map<string, number>();
  const add = ({ pack, length }: FrameReference): void => void read.set(pack, (read.get(pack) ?? 0) + length);
  for (const { ranges } of tables) {
    for (const { block } of ranges) {
      if (block === undefined) continue;
      add(block.frame);
      if (block.base !== undefined) add(block.base.frame);
    }
  }
  // A frame that several blocks need counts more than once, but no pack for more than there is of it.
  return packs.flatMap(({ name, size }) => {
    const bytes = Math.min(size, read.get(name) ?? 0);
    return bytes === 0 ? [] : [{ name, size: bytes }];
  });
}
