import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BackupContender } from "../contender.ts";
import { measure, measurePipeline, type Program } from "../measure.ts";
import { folderPlace } from "../place.ts";
import type { Stage } from "../stage.ts";
import { pgDump, pgRestore } from "./stock.ts";

/** A program that finds in a stream what it has stored before. */
interface Deduplicator {
  id: string;
  name: string;
  environment: (folder: string) => Record<string, string>;
  initialize: readonly string[];
  /** Reads stdin. */
  store: (backup: number) => readonly string[];
  /** Writes to stdout. */
  bringBack: (backup: number) => readonly string[];
  isCounted?: (key: string) => boolean;
}

const RESTIC: Deduplicator = {
  id: "restic",
  name: "`pg_dump -Fc -Z0` into restic",
  environment: (folder) => ({
    RESTIC_REPOSITORY: join(folder, "repository"),
    RESTIC_CACHE_DIR: join(folder, "cache"),
    RESTIC_PASSWORD: "bench",
  }),
  initialize: ["init"],
  store: () => ["backup", "--quiet", "--stdin", "--stdin-filename=production.dump", "--host=bench"],
  bringBack: () => ["dump", "latest", "production.dump"],
  isCounted: (key) => key.startsWith("repository/"),
};

const BORG: Deduplicator = {
  id: "borg",
  name: "`pg_dump -Fc -Z0` into borg",
  environment: (folder) => ({
    BORG_REPO: join(folder, "repository"),
    BORG_BASE_DIR: folder,
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: "yes",
  }),
  initialize: ["init", "--encryption=none"],
  store: (backup) => ["create", "--compression=zstd,1", `::${backup}`, "-"],
  bringBack: (backup) => ["extract", "--stdout", `::${backup}`],
  // Its index and hints would be written on the storage's side, and travel nowhere.
  isCounted: (key) => key.startsWith("repository/data/"),
};

export function restic(stage: Stage): BackupContender {
  return deduplicating(stage, RESTIC);
}

export function borg(stage: Stage): BackupContender {
  return deduplicating(stage, BORG);
}

function deduplicating(stage: Stage, deduplicator: Deduplicator): BackupContender {
  const { id, name, isCounted } = deduplicator;
  const folder = join(stage.folder, id);
  const environment = { PATH: process.env["PATH"], HOME: folder, ...deduplicator.environment(folder) };
  const program = (args: readonly string[]): Program => ({ command: id, args, environment });
  const place = folderPlace(folder);
  let backups = 0;
  return {
    id,
    name,
    where: "a folder",
    keeps: true,
    place,
    ...(isCounted === undefined ? {} : { isCounted }),
    reset: async () => {
      await place.empty();
      await mkdir(folder);
      await measure(program(deduplicator.initialize));
    },
    run: () => {
      backups += 1;
      const dump = pgDump(stage, ["--format=custom", "--compress=0"]);
      return measurePipeline([dump, program(deduplicator.store(backups))]);
    },
    restore: async (database) => {
      const archive = join(folder, "restored.dump");
      await measurePipeline([program(deduplicator.bringBack(backups))], archive);
      await measure(pgRestore(stage, database, [archive]));
      await rm(archive);
    },
  };
}
