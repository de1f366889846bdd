import { createWriteStream } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { settingsFor, type PostgresServer } from "../test/support/postgres-servers.ts";
import { measure, type Measurement } from "./measure.ts";
import { drop, recreate, SOURCE_DATABASE, TARGET_DATABASE, type Stage } from "./stage.ts";

const CLI = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const ARCHIVE_KEY = "archive.dump";

const BASELINE_DATABASE = "baseline";

/** One way to do the job. */
export interface Contender {
  name: string;
  /** The database it restores into; undefined for a backup. */
  restores?: string;
  /** Makes things as they are at the start; not measured. */
  prepare(): Promise<void>;
  run(): Promise<Measurement>;
}

export function dataopsBackup(stage: Stage, where: "s3" | "file"): Contender {
  return {
    name: where === "s3" ? "`dataops backup`, to S3" : "`dataops backup`, to a folder",
    prepare: async () => {},
    run: () => dataops(["backup", "production"], where === "s3" ? stage.environment : stage.fileEnvironment),
  };
}

export function stockBackup(stage: Stage): Contender & { archive: string } {
  const archive = join(stage.folder, ARCHIVE_KEY);
  return {
    name: "`pg_dump -Fc`, to a local file",
    archive,
    prepare: () => rm(archive, { force: true }),
    run: () =>
      stock(stage, "pg_dump", ["--format=custom", `--file=${archive}`], stage.source, SOURCE_DATABASE),
  };
}

/** Puts the stock archive into S3, for the stock restore to fetch. */
export async function publishArchive(stage: Stage, archive: string): Promise<void> {
  const partSize = 16 * 1024 * 1024;
  const upload = await stage.storage.startUpload(ARCHIVE_KEY, partSize);
  const content = await readFile(archive);
  let parts = 0;
  for (let start = 0; start < content.byteLength; start += partSize) {
    parts += 1;
    await upload.part(parts, content.subarray(start, start + partSize));
  }
  await upload.complete(parts);
}

export function stockRestore(stage: Stage): Contender {
  const copy = join(stage.folder, "downloaded.dump");
  return {
    name: "download, then `pg_restore -j1`",
    restores: BASELINE_DATABASE,
    prepare: async () => {
      await rm(copy, { force: true });
      await recreate(stage.target, BASELINE_DATABASE);
    },
    run: async () => {
      const started = performance.now();
      await pipeline(Readable.from(await stage.storage.get(ARCHIVE_KEY)), createWriteStream(copy));
      const download = (performance.now() - started) / 1000;
      const args = ["--exit-on-error", "--no-owner", "--no-acl", `--dbname=${BASELINE_DATABASE}`, copy];
      const restore = await stock(stage, "pg_restore", args, stage.target, BASELINE_DATABASE);
      return { seconds: download + restore.seconds, peakBytes: undefined };
    },
  };
}

export function dataopsFetch(stage: Stage, cache: "empty" | "filled"): Contender {
  const folder = stage.environment["XDG_CACHE_HOME"];
  return {
    name:
      cache === "empty"
        ? "`dataops fetch-latest-db`, nothing cached"
        : "the same backup again, from the cache",
    restores: TARGET_DATABASE,
    prepare: async () => {
      if (cache === "empty" && folder !== undefined) await rm(folder, { recursive: true, force: true });
      await recreate(stage.target, TARGET_DATABASE);
      await drop(stage.target, `${TARGET_DATABASE}__old`);
    },
    run: () => dataops(["fetch-latest-db", "--yes"], stage.environment),
  };
}

async function dataops(args: readonly string[], environment: Stage["environment"]): Promise<Measurement> {
  const folder = environment["HOME"];
  return measure({
    command: process.execPath,
    args: [CLI, ...args],
    environment,
    ...(folder === undefined ? {} : { folder }),
  });
}

async function stock(
  stage: Stage,
  program: "pg_dump" | "pg_restore",
  args: readonly string[],
  server: PostgresServer,
  database: string,
): Promise<Measurement> {
  const settings = settingsFor(server, { database });
  const { seconds } = await measure({
    command: join(stage.programs, program),
    args,
    environment: {
      PATH: process.env["PATH"],
      PGHOST: settings.host,
      PGPORT: String(settings.port),
      PGUSER: settings.user,
      PGPASSWORD: settings.password?.reveal(),
      PGDATABASE: database,
    },
  });
  return { seconds, peakBytes: undefined };
}

/** Bytes of the newest backup's archive in a folder storage. */
export async function storedBytes(stage: Stage): Promise<number> {
  const root = join(stage.folder, "storage");
  let newest: { name: string; size: number } | undefined;
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.startsWith("archive.")) continue;
    const { size } = await stat(join(entry.parentPath, entry.name));
    if (newest === undefined || entry.parentPath > newest.name) newest = { name: entry.parentPath, size };
  }
  return newest?.size ?? 0;
}
