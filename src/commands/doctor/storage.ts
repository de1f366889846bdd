import type { Config } from "../../config/config.ts";
import { requireStorage } from "../../config/select.ts";
import { isDataopsError, type DataopsError } from "../../errors.ts";
import { latestBackup } from "../../repository/catalogue.ts";
import { readMarker } from "../../repository/marker.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { openStorage } from "../../storage/open.ts";
import { probeConditionalWrites } from "../../storage/probe.ts";
import type { Storage } from "../../storage/storage.ts";
import type { CommandContext } from "../command.ts";
import { attempt, ok, warn, type Finding } from "./finding.ts";

export interface StorageFindings {
  findings: Finding[];
  /** The newest backup of `database`; undefined where there is none, or it cannot be read. */
  latest: Manifest | undefined;
}

/** Whether the storage can be read and written, what its conditional writes are worth, and what is in it. */
export async function checkStorage(
  config: Config,
  database: string | undefined,
  { reporter, signal }: Pick<CommandContext, "reporter" | "signal">,
): Promise<StorageFindings> {
  let latest: Manifest | undefined;
  const findings = await attempt("storage", signal, async () => {
    const storage = await openStorage(requireStorage(config), reporter);
    try {
      const marker = await readMarker(storage, { signal });
      const reading = ok(
        "storage",
        `${storage.url} can be read${marker === undefined ? "; nothing is in it yet" : ""}`,
      );
      const writing = await checkWriting(storage, signal);
      if (database === undefined) return [reading, ...writing];
      const backups = await attempt("latest backup", signal, async () => {
        const found = await latestOrNone(storage, database, signal);
        if (isDataopsError(found))
          return [warn("latest backup", found.message, found.hint ?? "see `dataops list`")];
        latest = found;
        return [ok("latest backup", `of ${database}: ${found.id}, finished ${found.finished}`)];
      });
      return [reading, ...writing, ...backups];
    } finally {
      await storage.close();
    }
  });
  return { findings, latest };
}

async function checkWriting(storage: Storage, signal: AbortSignal): Promise<Finding[]> {
  try {
    const probe = await probeConditionalWrites(storage, { signal });
    if (probe.conditional) return [ok("storage", "can be written, with conditional writes")];
    return [
      warn(
        "storage",
        `can be written, without conditional writes: ${probe.reason}`,
        "jobs are held by a lock in the database instead; a store that has them is surer",
      ),
    ];
  } catch (error) {
    if (!isDataopsError(error, "notPermitted")) throw error;
    const hint =
      "for fetching that is enough; for backups grant s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload";
    return [warn("storage", "cannot be written with these credentials", hint)];
  }
}

/** The latest backup, or why there is none: that is no failure of the storage. */
async function latestOrNone(
  storage: Storage,
  database: string,
  signal: AbortSignal,
): Promise<Manifest | DataopsError> {
  try {
    return await latestBackup(storage, database, { signal });
  } catch (error) {
    if (isDataopsError(error, "noSuchBackup")) return error;
    throw error;
  }
}
