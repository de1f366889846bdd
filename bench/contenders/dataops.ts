import { rm } from "node:fs/promises";
import type { BackupContender } from "../contender.ts";
import { measure, type Measurement } from "../measure.ts";
import { storagePlace } from "../place.ts";
import { cacheFolder, environmentOf, openStorageOf, type Setup, type Stage } from "../stage.ts";

/** Of restores that are not measured. */
const CHECK_CACHE = "check";

/** `dataops backup`. */
export function dataopsBackup(stage: Stage, setup: Setup): BackupContender {
  const { format, where } = setup;
  const id = `${format}-${where === "S3" ? "s3" : "folder"}`;
  const place = storagePlace(openStorageOf(stage, setup));
  return {
    id,
    name: `\`dataops backup\`, ${format}`,
    where,
    keeps: format === "blocks",
    place,
    reset: async () => {
      await place.empty();
      await rm(cacheFolder(stage, id), { recursive: true, force: true });
    },
    run: () => dataops(stage, setup, ["backup", "production"], id),
    restore: async () => {
      await dataops(stage, setup, ["fetch-latest-db", "--yes"], CHECK_CACHE);
      await rm(cacheFolder(stage, CHECK_CACHE), { recursive: true, force: true });
    },
  };
}

/** Runs the program. @param cache names the folder of its cache */
export async function dataops(
  stage: Stage,
  setup: Setup,
  args: readonly string[],
  cache: string,
): Promise<Measurement> {
  return measure({
    command: process.execPath,
    args: [stage.cli, ...args],
    environment: await environmentOf(stage, setup, cache),
    folder: stage.folder,
  });
}
