import { createWriteStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Storage } from "../../src/storage/storage.ts";
import type { RestoreContender } from "../contender.ts";
import { measure } from "../measure.ts";
import {
  cacheFolder,
  openBucket,
  recreate,
  TARGET_DATABASE,
  wipe,
  type Setup,
  type Stage,
} from "../stage.ts";
import { dataops } from "./dataops.ts";
import { pgRestore } from "./stock.ts";

const ARCHIVE_KEY = "archive.dump";
const BASELINE_DATABASE = "baseline";
const FETCH_CACHE = "fetch";
const PART_SIZE = 16 * 1024 * 1024;

/** What everybody does: fetches the archive, then restores it with pg_restore's defaults. Needs `publishArchive`. */
export function downloadAndRestore(stage: Stage): RestoreContender {
  const copy = join(stage.folder, "downloaded.dump");
  return {
    id: "pg-restore",
    name: "download, then `pg_restore -j1`",
    database: BASELINE_DATABASE,
    prepare: async () => {
      await rm(copy, { force: true });
      await recreate(stage.target, BASELINE_DATABASE);
    },
    run: async () => {
      const started = performance.now();
      await pipeline(Readable.from(await baselineStorage(stage).get(ARCHIVE_KEY)), createWriteStream(copy));
      const download = (performance.now() - started) / 1000;
      const restore = await measure(pgRestore(stage, BASELINE_DATABASE, [copy]));
      await rm(copy);
      return { ...restore, seconds: download + restore.seconds };
    },
  };
}

/** Puts a stock archive into S3, for `downloadAndRestore` to fetch. Dispose it, and it is gone from there. */
export async function publishArchive(stage: Stage, archive: string): Promise<AsyncDisposable> {
  const storage = baselineStorage(stage);
  await using file = await open(archive);
  const upload = await storage.startUpload(ARCHIVE_KEY, PART_SIZE);
  const buffer = Buffer.allocUnsafe(PART_SIZE);
  let parts = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, PART_SIZE, parts * PART_SIZE);
    if (bytesRead === 0) break;
    parts += 1;
    await upload.part(parts, buffer.subarray(0, bytesRead));
  }
  await upload.complete(parts);
  return { [Symbol.asyncDispose]: () => storage.delete(ARCHIVE_KEY) };
}

function baselineStorage(stage: Stage): Storage {
  return openBucket(stage, "baseline");
}

/** `dataops fetch-latest-db` on a laptop that has nothing of the backup. */
export function fetchCold(stage: Stage, format: Setup["format"]): RestoreContender {
  const setup: Setup = { format, where: "S3" };
  return {
    id: `fetch-${format}`,
    name: `\`dataops fetch-latest-db\`, ${format}, nothing cached`,
    database: TARGET_DATABASE,
    prepare: () => forgetEverything(stage),
    run: () => dataops(stage, setup, ["fetch-latest-db", "--yes"], FETCH_CACHE),
  };
}

/** The same backup for the second time, whatever the first time left to start from. */
export function fetchAgain(stage: Stage, format: Setup["format"]): RestoreContender {
  const cold = fetchCold(stage, format);
  return {
    ...cold,
    id: "fetch-again",
    name: `the same backup again, ${format}`,
    prepare: async () => {
      await cold.prepare();
      await cold.run();
    },
  };
}

/** No cache, and no database kept as a template. */
async function forgetEverything(stage: Stage): Promise<void> {
  await rm(cacheFolder(stage, FETCH_CACHE), { recursive: true, force: true });
  await wipe(stage.target);
  await recreate(stage.target, TARGET_DATABASE);
}

/** Restores one backup by its id, as `fetchCold` does the newest. */
export function restoreCold(stage: Stage, format: Setup["format"], backup: string): RestoreContender {
  const cold = fetchCold(stage, format);
  return {
    ...cold,
    run: () =>
      dataops(stage, { format, where: "S3" }, ["restore", backup, "--to", "local", "--yes"], FETCH_CACHE),
  };
}
