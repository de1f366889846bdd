import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CacheConfig } from "../../config/config.ts";
import type { Environment } from "../../config/environment.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { exitGate } from "../../postgres/exit-gate.ts";
import { spawnTool, type InstalledTools } from "../../postgres/tools.ts";
import type { Manifest } from "../../repository/manifest.ts";
import type { Storage } from "../../storage/storage.ts";
import { unpackedArchive } from "../archive/unpacked.ts";
import { fetchArchive } from "../cache/cache.ts";
import { listArchive } from "../load/list-archive.ts";
import { ArchiveRowsReader, type ArchivedRows } from "./archive-rows.ts";

export interface ReadArchiveRowsRequest {
  storage: Storage;
  manifest: Manifest;
  /** Where the archive is since it was restored. */
  cache: CacheConfig;
  tools: InstalledTools;
  reporter: Reporter;
  environment: Environment;
  signal: AbortSignal;
}

/** `3384; 0 16391 TABLE DATA public orders shop`: the line of a table's rows in an archive's list. */
const TABLE_DATA = /^\d+; \d+ \d+ TABLE DATA /;

/**
 * The digests of all tables' rows that are in a backup's archive, from the text that `pg_restore` prints of it.
 *
 * @throws DataopsError `corrupt` where it cannot be read; after an abort: the signal's reason
 */
export async function readArchiveRows(request: ReadArchiveRowsRequest): Promise<ArchivedRows[]> {
  const { storage, manifest, cache, tools, environment, signal, reporter } = request;
  await using cached = await fetchArchive(storage, manifest, cache, { signal, reporter });
  const { directory } = cache;
  await using archive = await unpackedArchive(cached.path, manifest, { directory, signal, reporter });
  // Nothing else: other entries may print any text.
  const entries = (await listArchive({ archive: archive.path, tools, signal, environment })).split("\n");
  const list = join(directory, "table-data.list");
  await writeFile(list, `${entries.filter((line) => TABLE_DATA.test(line)).join("\n")}\n`, { mode: 0o600 });
  const running = spawnTool(
    { program: "pg_restore", directory: tools.directory },
    ["--format=custom", "--data-only", `--use-list=${list}`, "--file=-", archive.path],
    { signal, environment },
  );
  const reader = new ArchiveRowsReader();
  for await (const chunk of exitGate(running)) reader.push(chunk);
  reader.end();
  return reader.tables;
}
