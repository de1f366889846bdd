import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { inParallel } from "../../../src/parallel.ts";
import { stampOf } from "../../../src/repository/backup-id.ts";
import type { Job } from "../../../src/repository/job.ts";
import { manifestKey, sidecarKey, verificationKey } from "../../../src/repository/keys.ts";
import { serializeTombstone } from "../../../src/repository/tombstone.ts";
import { keepResult, type Finding, type VerificationResult } from "../../../src/repository/verification.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import { readStatus } from "../../../src/status/read-status.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";
import { hoursAgo, NOW } from "../../support/status-facts.ts";
import { storeManifest, storeRun } from "../../support/stored-history.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const CONFIG = `
databases:
  staging: { url: "postgres://localhost/staging", environment: staging }
  production: { url: "postgres://localhost/app", environment: production }
  analytics: { url: "postgres://localhost/analytics", environment: warehouse }
backup:
  production: { schedule: "0 */4 * * *" }
  analytics: { schedule: "30 2 * * *", timezone: Europe/Berlin }
`;
const BACKUP: Job = { kind: "backup", name: "production", database: "production" };
const MINUTE = 60_000;

const FINDING: Finding = {
  object: "production/packs/a-1.pack",
  offset: null,
  length: null,
  table: null,
  range: null,
  what: "is cut",
};

/** A verification by reading that passed `hours` before `NOW`. */
function verification(hours: number, changes: Partial<VerificationResult> = {}): VerificationResult {
  return {
    run: `${stampOf(hoursAgo(hours))}-verify`,
    kind: "read",
    state: "passed",
    started: hoursAgo(hours + 0.1),
    ended: hoursAgo(hours),
    dataopsVersion: "0.1.0",
    exit: "done",
    message: null,
    remarks: [],
    bytesRead: 1,
    findings: [],
    findingsInAll: 0,
    restoreTime: null,
    serverVersion: null,
    ...changes,
  };
}

let storage: Storage;
let config: Config;

beforeEach(async () => {
  const folder = await temporaryFolder("status");
  storage = openFileStorage(join(folder, "storage"));
  config = await configOf(CONFIG);
});

async function configOf(text: string): Promise<Config> {
  const folder = await temporaryFolder("status-config");
  await writeFile(join(folder, "dataops.config.yaml"), text);
  return loadConfig({ environment: { HOME: folder }, workingDirectory: folder });
}

/** Findings on production, as `level: what`. */
async function findings(now = NOW): Promise<string[]> {
  const [production] = await readStatus(storage, config, ["production"], now);
  return (production?.findings ?? []).map(({ level, what }) => `${level}: ${what}`);
}

describe("what the storage holds", () => {
  test("nothing: critical, and there is nothing else to say", async () => {
    expect(await findings()).toEqual(["critical: there is no backup"]);
  });

  test("a backup: how old it is", async () => {
    const { id } = await storeManifest(storage, hoursAgo(2));
    expect(await findings()).toEqual(["ok: newest good backup is 2 h 0 min old, stale after 7 h 0 min"]);
    const [status] = await readStatus(storage, config, ["production"], NOW);
    expect(status?.facts).toEqual({
      database: "production",
      total: 1,
      backups: [
        {
          id,
          started: hoursAgo(2),
          state: "good",
          reasons: [],
          duration: 12_000,
          size: 9_876_543,
          stored: 1_234_567,
        },
      ],
      verifications: [],
      unreadableVerifications: [],
      jobs: [],
    });
  });

  test("a newest manifest that cannot be read: critical, also where an older one is fresh", async () => {
    await storeManifest(storage, hoursAgo(3));
    const id = `${stampOf(hoursAgo(2))}-broken`;
    await storage.put(manifestKey("production", id), Buffer.from('{"format":1,'));
    expect(await findings()).toEqual([
      "ok: newest good backup is 3 h 0 min old, stale after 8 h 0 min",
      `critical: the manifest of backup ${id} is corrupt: is not valid JSON`,
    ]);
  });

  test("a suspect backup is not good until it is accepted", async () => {
    const { id } = await storeManifest(storage, hoursAgo(1), { suspect: ["the table orders is empty"] });
    expect(await findings()).toEqual([
      "critical: there is no good backup (1 backup, all suspect)",
      `warning: backup ${id} is suspect: the table orders is empty`,
    ]);
    await storage.put(sidecarKey("production", id, "accepted"), Buffer.from("{}"));
    expect(await findings()).toEqual([expect.stringMatching(/^ok: newest good backup is 1 h/)]);
  });

  test("a tombstone is no backup", async () => {
    const id = `${stampOf(hoursAgo(1))}-abcdef`;
    const tombstone = serializeTombstone({ format: 1, abandoned: { by: id, at: hoursAgo(1) } });
    await storage.put(manifestKey("production", id), tombstone);
    expect(await findings()).toEqual(["critical: there is no backup"]);
  });

  test("what verifications came to, the one that ended last first", async () => {
    const older = await storeManifest(storage, hoursAgo(30));
    const newer = await storeManifest(storage, hoursAgo(2));
    const broken = await storeManifest(storage, hoursAgo(6));
    await keepResult(
      storage,
      newer,
      verification(1.5, { state: "not-run", exit: "unreachable", message: "no server" }),
    );
    await keepResult(storage, newer, verification(1.75, { kind: "restore", restoreTime: 200_000 }));
    await keepResult(
      storage,
      older,
      verification(20, { state: "failed", exit: "corrupt", findings: [FINDING, FINDING], findingsInAll: 2 }),
    );
    await storage.put(verificationKey("production", broken.id), Buffer.from("{"));
    const [status] = await readStatus(storage, config, ["production"], NOW);
    expect(status?.facts.verifications).toEqual([
      {
        backup: newer.id,
        kind: "read",
        state: "not-run",
        ended: hoursAgo(1.5),
        message: "no server",
        restoreTime: null,
      },
      {
        backup: newer.id,
        kind: "restore",
        state: "passed",
        ended: hoursAgo(1.75),
        message: null,
        restoreTime: 200_000,
      },
      {
        backup: older.id,
        kind: "read",
        state: "failed",
        ended: hoursAgo(20),
        message: "production/packs/a-1.pack: is cut; 2 findings in all",
        restoreTime: null,
      },
    ]);
    expect(status?.findings.map(({ level, what }) => `${level}: ${what}`)).toEqual([
      expect.stringMatching(/^ok: /),
      `warning: backup ${older.id} failed its verification: production/packs/a-1.pack: is cut; 2 findings in all`,
      `warning: the last verification, of backup ${newer.id}, could not be carried out: no server`,
      `warning: what a verification came to cannot be read: ${verificationKey("production", broken.id)}`,
    ]);
  });

  test("the last verification is found behind all backups that were read", async () => {
    const old = await storeManifest(storage, hoursAgo(1_000));
    await keepResult(storage, old, verification(900));
    for (let index = 0; index < 45; index += 1) await storeManifest(storage, hoursAgo(2 + index));
    const [status] = await readStatus(storage, config, ["production"], NOW);
    expect(status?.facts.backups).toHaveLength(40);
    expect(status?.facts.verifications.map(({ backup }) => backup)).toEqual([old.id]);
  });

  test("another database's backups are not this one's", async () => {
    await storeManifest(storage, hoursAgo(1), { database: "analytics" });
    expect(await findings()).toEqual(["critical: there is no backup"]);
  });
});

describe("what cannot be known", () => {
  test.each(["list", "get"] as const)(
    "a storage whose %s fails is no status, good or bad",
    async (operation) => {
      await storeManifest(storage, hoursAgo(2));
      const error = new StorageError("transient", "no answer from the storage");
      const broken = faultyStorage(storage, { fail: { operation, nth: 1, error } });
      await expect(readStatus(broken, config, ["production"], NOW)).rejects.toBe(error);
      expect(error.exit).toBe("unreachable");
    },
  );
});

describe("who asks makes no difference", () => {
  const own = process.env["TZ"];
  afterEach(() => {
    if (own === undefined) delete process.env["TZ"];
    else process.env["TZ"] = own;
  });

  test("a laptop, the daemon and a scheduled task agree, in whatever time zone, and with clocks that differ", async () => {
    for (const hours of [1, 5, 9, 13]) {
      await storeManifest(storage, hoursAgo(hours));
      await storeRun(storage, BACKUP, hoursAgo(hours));
    }
    await storeManifest(storage, hoursAgo(0.5), { suspect: ["smaller"] });
    await storeRun(storage, BACKUP, hoursAgo(0.25), { state: "failed", exit: "failed", message: "broken" });
    const places = [
      { zone: "UTC", offset: 0, now: NOW + 10 * MINUTE },
      { zone: "America/New_York", offset: 300, now: NOW + 12 * MINUTE },
      { zone: "Pacific/Apia", offset: -780, now: NOW + 8 * MINUTE },
    ];
    const statuses = [];
    for (const { zone, offset, now } of places) {
      process.env["TZ"] = zone;
      expect(new Date(now).getTimezoneOffset()).toBe(offset);
      statuses.push(await readStatus(storage, config, ["production", "analytics"], now));
    }
    const [first, ...others] = statuses.map((status) =>
      status.map(({ facts, expected, findings, next }) => ({
        facts,
        expected,
        next,
        // The texts name an age, to the minute.
        levels: findings.map(({ level }) => level),
      })),
    );
    expect(first?.map(({ levels }) => levels)).toEqual([["ok", "warning", "warning"], ["critical"]]);
    for (const other of others) expect(other).toEqual(first);
  });
});

describe("what it costs", () => {
  test("1,000 backups: one listing each, and no more than 40 manifests", async () => {
    const all = Array.from({ length: 1_000 }, (_, index) => hoursAgo(2 + index * 4));
    await inParallel(all, 32, new AbortController().signal, async (started) => {
      await storeManifest(storage, started);
      await storeRun(storage, BACKUP, started);
    });
    const counted = faultyStorage(storage);
    const [status] = await readStatus(counted, config, ["production"], NOW);
    expect(status?.facts).toMatchObject({ total: 1_000 });
    expect(status?.facts.backups).toHaveLength(40);
    expect(counted.calls).toMatchObject({ list: 2, get: 40 + 5, head: 0 });

    // More only where it takes more to know: here there should be 100 good ones.
    config = await configOf(CONFIG.replace('schedule: "0 */4', 'minimum: 100, schedule: "0 */4'));
    const more = faultyStorage(storage);
    const [held] = await readStatus(more, config, ["production"], NOW);
    expect(held?.findings.map(({ level }) => level)).toEqual(["ok"]);
    expect(more.calls).toMatchObject({ list: 2, get: 120 + 5 });
  });

  test("a database that is not backed up costs one listing", async () => {
    const counted = faultyStorage(storage);
    await readStatus(counted, config, ["staging"], NOW);
    expect(counted.calls).toMatchObject({ list: 1, get: 0 });
  });

  test("behind many suspects the newest good one is still found", async () => {
    for (let index = 0; index < 90; index += 1) {
      await storeManifest(storage, hoursAgo(1 + index), index < 85 ? { suspect: ["odd"] } : {});
    }
    expect(await findings()).toEqual([
      expect.stringMatching(/^critical: newest good backup is 3 d 14 h old/),
      expect.stringMatching(/is suspect \(and 84 suspects before it\)/),
    ]);
  });
});
