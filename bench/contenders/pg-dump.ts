import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BackupContender } from "../contender.ts";
import { measure, type Measurement } from "../measure.ts";
import { filesBelow, folderPlace } from "../place.ts";
import type { Stage } from "../stage.ts";
import { pgDump, pgRestore } from "./stock.ts";

/** The first whose directory format compresses with zstd by itself. */
const FIRST_VERSION_WITH_ZSTD = 16;

/** What everybody does: a file of the custom format, with pg_dump's defaults. */
export function pgDumpCustom(stage: Stage): BackupContender & { archive: string } {
  const folder = join(stage.folder, "pg-dump");
  const archive = join(folder, "production.dump");
  const place = folderPlace(folder);
  return {
    id: "pg-dump",
    name: "`pg_dump -Fc`",
    where: "a folder",
    keeps: false,
    archive,
    place,
    reset: async () => {
      await place.empty();
      await mkdir(folder);
    },
    run: () => measure(pgDump(stage, ["--format=custom", `--file=${archive}`])),
    restore: async (database) => {
      await measure(pgRestore(stage, database, ["--jobs=2", archive]));
    },
  };
}

/** The best of pg_dump: two connections, and zstd at its quickest. */
export function pgDumpDirectory(stage: Stage): BackupContender {
  const folder = join(stage.folder, "pg-dump-directory");
  const directory = join(folder, "production");
  const place = folderPlace(folder);
  const hasZstd = Number(stage.source.version) >= FIRST_VERSION_WITH_ZSTD;
  return {
    id: "pg-dump-directory",
    name: hasZstd ? "`pg_dump -Fd -j2 --compress=zstd:1`" : "`pg_dump -Fd -Z0 -j2`, then `zstd -1 -T2`",
    where: "a folder",
    keeps: false,
    place,
    reset: async () => {
      await place.empty();
      await mkdir(folder);
    },
    run: async () => {
      const compression = hasZstd ? "--compress=zstd:1" : "--compress=0";
      const args = ["--format=directory", "--jobs=2", compression, `--file=${directory}`];
      const dump = await measure(pgDump(stage, args));
      if (hasZstd) return dump;
      return oneAfterTheOther(dump, await zstd(["-1", "-T2", ...(await filesBelow(directory))]));
    },
    restore: async (database) => {
      if (!hasZstd) await zstd(["-d", ...(await filesBelow(directory))]);
      await measure(pgRestore(stage, database, ["--jobs=2", directory]));
    },
  };
}

/** Replaces files. */
function zstd(args: readonly string[]): Promise<Measurement> {
  const environment = { PATH: process.env["PATH"] };
  return measure({ command: "zstd", args: ["--quiet", "--rm", ...args], environment });
}

function oneAfterTheOther(first: Measurement, second: Measurement): Measurement {
  return {
    seconds: first.seconds + second.seconds,
    peakBytes: Math.max(first.peakBytes ?? 0, second.peakBytes ?? 0),
    treePeakBytes: Math.max(first.treePeakBytes ?? 0, second.treePeakBytes ?? 0),
  };
}
