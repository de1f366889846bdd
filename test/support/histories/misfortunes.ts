import { buffer } from "node:stream/consumers";
import { archiveKey, manifestKey, packKey } from "../../../src/repository/keys.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import type { Storage } from "../../../src/storage/storage.ts";

/** Leaves what a run leaves that was killed before its end: packs, without the last one, and no manifest. */
export async function leaveAsKilled(storage: Storage, { database, id, blocks }: Manifest): Promise<void> {
  await storage.delete(manifestKey(database, id));
  await storage.delete(archiveKey(database, id));
  const own = blocks?.packs.filter(({ name }) => name.startsWith(`${id}-`)) ?? [];
  const last = own.at(-1);
  if (last !== undefined && own.length > 1) await storage.delete(packKey(database, last.name));
}

/** Deletes a pack that a backup needs, or takes its last byte away. */
export async function damagePack(
  storage: Storage,
  { database, blocks }: Manifest,
  name: string,
  damage: "deleted" | "cut",
): Promise<void> {
  const key = packKey(database, name);
  const size = blocks?.packs.find((pack) => pack.name === name)?.size ?? 0;
  if (damage === "deleted") await storage.delete(key);
  else await storage.put(key, await buffer(await storage.get(key, { range: { start: 0, end: size - 1 } })));
}
