import { latestBackup } from "../src/repository/catalogue.ts";
import { manifestKey } from "../src/repository/keys.ts";
import type { Storage } from "../src/storage/storage.ts";
import type { BackupParts } from "./results.ts";
import { SOURCE_DATABASE } from "./stage.ts";

/** What the newest backup in a storage consists of. */
export async function readParts(storage: Storage): Promise<BackupParts> {
  const { id, archive, blocks } = await latestBackup(storage, SOURCE_DATABASE);
  const { size: manifest } = await storage.head(manifestKey(SOURCE_DATABASE, id));
  const tables = blocks?.tables ?? [];
  return {
    text: archive.rawSize + sum(tables.map(({ size }) => size)),
    manifest,
    indexes: sum(tables.map(({ index }) => index.length)),
    archive: archive.size,
    packs: sum((blocks?.packs ?? []).map(({ size }) => size)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
