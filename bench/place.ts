import { readdir, rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Storage } from "../src/storage/storage.ts";

/** Where a contender stores backups, seen from outside. */
export interface Place {
  /** What is there, by its key or path. */
  list(): Promise<Listing>;
  empty(): Promise<void>;
}

export type Listing = ReadonlyMap<string, StoredObject>;

export interface StoredObject {
  /** Bytes. */
  size: number;
  /** Differs between two states of the object. */
  tag: string;
}

/** What is new in `after`, or not as it was in `before`. */
export function appeared(before: Listing, after: Listing): Listing {
  return new Map([...after].filter(([key, { tag }]) => before.get(key)?.tag !== tag));
}

/** Bytes of all objects. */
export function totalSize(listing: Listing): number {
  return [...listing.values()].reduce((sum, { size }) => sum + size, 0);
}

/** A folder with all below it; one that is not there is empty. */
export function folderPlace(folder: string): Place {
  return {
    list: async () => {
      const listing = new Map<string, StoredObject>();
      for (const path of await filesBelow(folder)) {
        const { size, mtimeMs, ino } = await stat(path);
        listing.set(relative(folder, path), { size, tag: `${size} ${mtimeMs} ${ino}` });
      }
      return listing;
    },
    empty: () => rm(folder, { recursive: true, force: true }),
  };
}

/** All files of a folder and of those below; none where it is not there. */
export async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** All that lies below the prefix of a storage. */
export function storagePlace(storage: Storage): Place {
  const list = async (): Promise<Listing> => {
    const listing = new Map<string, StoredObject>();
    for await (const { key, size, tag, modified } of storage.list("")) {
      listing.set(key, { size, tag: `${tag} ${modified.getTime()}` });
    }
    return listing;
  };
  return {
    list,
    empty: async () => {
      for (const key of (await list()).keys()) await storage.delete(key);
    },
  };
}
