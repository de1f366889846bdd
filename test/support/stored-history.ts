import { stampOf } from "../../src/repository/backup-id.ts";
import type { Job } from "../../src/repository/job.ts";
import { manifestKey, runKey } from "../../src/repository/keys.ts";
import { serializeManifest, type Manifest } from "../../src/repository/manifest.ts";
import { serializeRun, type RunRecord } from "../../src/repository/run-record.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { exampleManifest } from "./manifests.ts";

/** Puts the manifest of a backup that began at `started` into a storage, and nothing else of it. */
export async function storeManifest(
  storage: Storage,
  started: string,
  changes: Partial<Manifest> = {},
): Promise<Manifest> {
  const manifest = exampleManifest(started, changes);
  await storage.put(manifestKey(manifest.database, manifest.id), serializeManifest(manifest));
  return manifest;
}

/** Puts the record of a run of `job` into a storage, which began at `started` and took a minute. */
export async function storeRun(
  storage: Storage,
  job: Job,
  started: string,
  changes: Partial<RunRecord> = {},
): Promise<RunRecord> {
  const record: RunRecord = {
    format: 1,
    id: `${stampOf(started)}-k3v9qa`,
    job: job.kind,
    name: job.name,
    slot: null,
    generation: 1,
    host: "ip-10-0-1-7",
    dataopsVersion: "0.1.0",
    started,
    ended: new Date(Date.parse(started) + 60_000).toISOString(),
    state: "done",
    exit: "done",
    message: null,
    result: {},
    ...changes,
  };
  await storage.put(runKey(job, record.id), serializeRun(record));
  return record;
}
