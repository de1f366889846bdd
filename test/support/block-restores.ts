import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { archiveKey } from "../../src/repository/keys.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { readBlockIndexes } from "../../src/repository/blocks/read-indexes.ts";
import { noPackCache } from "../../src/repository/blocks/pack-cache.ts";
import { loadBlockTables } from "../../src/restore/blocks/load-tables.ts";
import { loadArchive } from "../../src/restore/load/load.ts";
import { checkRows } from "../../src/restore/load/row-check.ts";
import type { Scratch } from "../../src/replace/scratch/scratch.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { majorOfSource, loadSettingsIn, toolsOf } from "./scratch.ts";
import type { SharedPostgres } from "./shared-servers.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Restores a backup with blocks into a scratch database, as a restore does. @returns the bytes of blocks that came */
export async function loadBlockBackup(
  server: SharedPostgres,
  storage: Storage,
  manifest: Manifest,
  scratch: Scratch,
  { jobs = 2, signal = new AbortController().signal }: { jobs?: number; signal?: AbortSignal } = {},
): Promise<number> {
  const tables = await readBlockIndexes({ storage, manifest, signal });
  const archive = join(await temporaryFolder("block-restore"), "archive.dump");
  const chunks: Uint8Array[] = [];
  for await (const chunk of await storage.get(archiveKey(manifest.database, manifest.id))) chunks.push(chunk);
  await writeFile(archive, zstdDecompressSync(Buffer.concat(chunks)));
  let received = 0;
  const { missingExtensions } = await loadArchive({
    archive,
    scratch,
    manifest,
    tools: await toolsOf(server),
    jobs,
    sessionSettings: await loadSettingsIn(scratch),
    skipExtensions: [],
    serverMajor: majorOfSource(manifest),
    loadBlocks: async () => {
      received = await loadBlockTables({
        storage,
        manifest,
        tables,
        packs: noPackCache,
        scratch,
        jobs,
        loadSettings: {},
        signal,
      });
    },
    signal,
    environment: process.env,
    applicationName: "test",
  });
  await using loader = await scratch.connectAsLoader();
  await checkRows(loader, { manifest, missingExtensions });
  return received;
}
