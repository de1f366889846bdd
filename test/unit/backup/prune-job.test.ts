import { expect, test } from "vitest";
import { pruneJob } from "../../../src/backup/prune/prune-job.ts";
import { stampOf } from "../../../src/repository/backup-id.ts";
import type { Job } from "../../../src/repository/job.ts";
import { runKey, runsPrefix, slotKey, slotsPrefix } from "../../../src/repository/keys.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { loneRun } from "../../support/lone-run.ts";
import { keysIn } from "../../support/run-backup.ts";
import { alone } from "../../support/stored-backups.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const DAY = 24 * 3_600_000;
const NOW = Date.parse("2026-11-21T04:00:00Z");
const BACKUP = { kind: "backup", name: "shop", database: "shop" } satisfies Job;

test("a prune clears the old records of backups, which a writer may not delete", async () => {
  const folder = await temporaryFolder("records");
  const storage = openFileStorage(folder);
  for (let age = 0; age < 103; age++) {
    const started = NOW - age * DAY;
    await storage.put(
      runKey(BACKUP, `${stampOf(new Date(started).toISOString())}-aaaaaa`),
      Buffer.from("{}"),
    );
    await storage.put(slotKey(BACKUP, started), Buffer.from("{}"));
  }
  const { signal } = new AbortController();
  const job = pruneJob(
    { storage, now: () => NOW, slot: undefined, withLease: () => alone },
    { database: "shop", rules: undefined, allowMany: false },
  );
  const { exit } = await job.work(loneRun({ storage, database: "shop", started: NOW, signal }), undefined);
  expect(exit).toBe("done");
  const kept = await keysIn(folder);
  const oldest = stampOf(new Date(NOW - 99 * DAY).toISOString());
  for (const prefix of [runsPrefix(BACKUP), slotsPrefix(BACKUP)]) {
    const ours = kept.filter((key) => key.startsWith(prefix)).toSorted();
    expect(ours).toHaveLength(100);
    expect(ours[0]).toContain(oldest);
  }
});
