import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { previewPrune, prune, type PruneOutcome } from "../../../src/backup/prune/prune.ts";
import type { KeepRules } from "../../../src/config/config.ts";
import { DataopsError } from "../../../src/errors.ts";
import type { Job } from "../../../src/repository/job.ts";
import type { WithLease } from "../../../src/repository/job-lease.ts";
import { archiveKey, manifestKey, packKey, sidecarKey } from "../../../src/repository/keys.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";
import {
  alone,
  DATABASE,
  findDamage,
  holdUntil,
  idAt,
  keysOf,
  storeBackup,
  storePack,
  storeTombstone,
} from "../../support/stored-backups.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const HOUR = 3_600_000;
/** Long after every object was written, by the file system's clock. */
const NOW = Date.now() + 30 * 24 * HOUR;

/** The instant so many hours before now. */
function ago(hours: number): string {
  return new Date(NOW - hours * HOUR).toISOString();
}

function packAt(hours: number, number = 1): string {
  return `${idAt(ago(hours))}-${number}`;
}

async function emptyStorage(): Promise<Storage & { folder: string }> {
  const folder = await temporaryFolder("prune");
  return Object.assign(openFileStorage(folder), { folder });
}

async function run(
  storage: Storage,
  rules: KeepRules | undefined,
  { allowMany = true, withLease = alone }: { allowMany?: boolean; withLease?: WithLease } = {},
): Promise<PruneOutcome> {
  return await prune(
    { storage, signal: new AbortController().signal, now: () => NOW, withLease },
    { database: DATABASE, rules, allowMany },
  );
}

describe("prune", () => {
  test("deletes what no rule keeps, with all that lies beside it, and no pack that another backup needs", async () => {
    const storage = await emptyStorage();
    const [oldest, older, old, newest] = [packAt(400), packAt(300), packAt(200), packAt(100)];
    await storeBackup(storage, ago(400), { packs: [oldest], sidecars: ["verification"] });
    await storeBackup(storage, ago(300), { packs: [oldest, older] });
    await storeBackup(storage, ago(200), { packs: [oldest, old] });
    await storeBackup(storage, ago(100), { packs: [oldest, old, newest] });

    const outcome = await run(storage, { last: 2 });
    expect(outcome.deleted).toMatchObject({ backups: 2, packs: 1, leftovers: 0 });
    expect(outcome.warnings).toEqual([]);
    expect(await keysOf(storage)).toEqual(
      [
        ...[200, 100].flatMap((hours) => [
          archiveKey(DATABASE, idAt(ago(hours))),
          manifestKey(DATABASE, idAt(ago(hours))),
        ]),
        ...[oldest, old, newest].map((name) => packKey(DATABASE, name)),
      ].sort(),
    );
    expect(await findDamage(storage)).toEqual([]);

    // Again, it finds nothing to do.
    const before = await keysOf(storage);
    expect((await run(storage, { last: 2 })).deleted).toMatchObject({ backups: 0, packs: 0, leftovers: 0 });
    expect(await keysOf(storage)).toEqual(before);
  });

  test("without --confirm deletes nothing, and says the same", async () => {
    const storage = await emptyStorage();
    const packs = [packAt(200)];
    await storeBackup(storage, ago(200), { packs });
    await storeBackup(storage, ago(100));
    const before = await keysOf(storage);
    const { plan, deleted } = await previewPrune(
      { storage, signal: new AbortController().signal, now: () => NOW },
      { database: DATABASE, rules: { last: 1 } },
    );
    expect(deleted).toBeUndefined();
    expect(await keysOf(storage)).toEqual(before);
    expect(plan.packs.map(({ name }) => name)).toEqual(packs);
    expect((await run(storage, { last: 1 })).deleted?.bytes).toBe(plan.bytes);
    expect(plan.bytes).toBeGreaterThan(0);
  });

  test("without rules keeps every backup, and clears only what dead runs left", async () => {
    const storage = await emptyStorage();
    await storeBackup(storage, ago(20_000));
    await storeBackup(storage, ago(100));
    await storePack(storage, packAt(300));
    const { deleted } = await run(storage, undefined);
    expect(deleted).toMatchObject({ backups: 0, packs: 1 });
  });

  test("leaves alone what a person keeps, what is suspect and newer, and the packs that these need", async () => {
    const storage = await emptyStorage();
    await storeBackup(storage, ago(400), { packs: [packAt(400)], sidecars: ["kept"] });
    await storeBackup(storage, ago(300));
    await storeBackup(storage, ago(200));
    await storeBackup(storage, ago(100), { packs: [packAt(100)], suspect: ["public.orders is empty"] });
    const { deleted, plan } = await run(storage, { last: 1 });
    expect(deleted).toMatchObject({ backups: 1, packs: 0 });
    expect(Object.fromEntries(plan.backups.map(({ id, keptBy }) => [id, keptBy]))).toEqual({
      [idAt(ago(400))]: ["kept"],
      [idAt(ago(300))]: [],
      [idAt(ago(200))]: ["newest good", "last"],
      [idAt(ago(100))]: ["newer than every good one", "last"],
    });
    expect(await findDamage(storage)).toEqual([]);
  });

  test("counts a suspect once it is accepted, and not before", async () => {
    const storage = await emptyStorage();
    const suspect = ["public.orders is empty"];
    for (const hours of [400, 300]) await storeBackup(storage, ago(hours));
    await storeBackup(storage, ago(200), { suspect });
    await storeBackup(storage, ago(100));
    expect((await run(storage, { last: 3 })).deleted).toMatchObject({ backups: 0 });
    await storage.put(sidecarKey(DATABASE, idAt(ago(200)), "accepted"), Buffer.from("{}"));
    expect((await run(storage, { last: 3 })).deleted).toMatchObject({ backups: 1 });
    expect(await keysOf(storage)).not.toContain(manifestKey(DATABASE, idAt(ago(400))));
  });

  test("keeps all packs while a manifest cannot be read, and says so", async () => {
    const storage = await emptyStorage();
    await storeBackup(storage, ago(400), { packs: [packAt(400)] });
    await storeBackup(storage, ago(200));
    const damaged = manifestKey(DATABASE, idAt(ago(300)));
    await storage.put(damaged, Buffer.from("{"));

    const { deleted, warnings } = await run(storage, { last: 1 });
    expect(deleted).toMatchObject({ backups: 1, packs: 0 });
    expect(await keysOf(storage)).toEqual(expect.arrayContaining([damaged, packKey(DATABASE, packAt(400))]));
    expect(warnings).toEqual([
      expect.stringContaining("is not valid JSON"),
      expect.stringMatching(
        /^packs that seem to be needed by no backup stay: .*manifest\.json cannot be read/,
      ),
    ]);

    await storage.delete(damaged);
    expect((await run(storage, { last: 1 })).deleted).toMatchObject({ packs: 1 });
  });

  test("never touches what dataops did not write", async () => {
    const storage = await emptyStorage();
    await storeBackup(storage, ago(200));
    await storeBackup(storage, ago(100));
    const foreign = [
      `${DATABASE}/backups/${idAt(ago(200))}/notes.txt`,
      `${DATABASE}/backups/README`,
      `${DATABASE}/packs/mine.pack`,
      `${DATABASE}/packs/${packAt(400)}.pack.bak`,
      `${DATABASE}/packs/sub/${packAt(400)}.pack`,
      "elsewhere.txt",
    ];
    for (const key of foreign) await storage.put(key, Buffer.from("mine"));
    await storage.put(packKey("staging", packAt(400)), Buffer.from("another database's"));
    const { survey } = await run(storage, { last: 1 });
    expect(await keysOf(storage)).toEqual(
      expect.arrayContaining([...foreign, packKey("staging", packAt(400))]),
    );
    expect(survey.foreign.toSorted()).toEqual(foreign.slice(0, 5).sort());
  });

  test("leaves what a run may still be writing, and takes what a dead one left two days ago", async () => {
    const storage = await emptyStorage();
    await storeBackup(storage, ago(400));
    await storePack(storage, packAt(47));
    await storePack(storage, packAt(49));
    // Begun long ago, and still at work.
    await storePack(storage, packAt(99));
    await utimes(join(storage.folder, packKey(DATABASE, packAt(99))), new Date(), new Date(NOW - HOUR));
    await storage.put(archiveKey(DATABASE, idAt(ago(47))), Buffer.from("running"));
    await storage.put(archiveKey(DATABASE, idAt(ago(49))), Buffer.from("dead"));
    await storage.put(sidecarKey(DATABASE, idAt(ago(50)), "kept"), Buffer.from("what is left of a backup"));
    expect((await run(storage, { last: 1 })).deleted).toMatchObject({ packs: 1, leftovers: 2 });
    expect(await keysOf(storage)).toEqual(
      [
        archiveKey(DATABASE, idAt(ago(47))),
        archiveKey(DATABASE, idAt(ago(400))),
        manifestKey(DATABASE, idAt(ago(400))),
        packKey(DATABASE, packAt(47)),
        packKey(DATABASE, packAt(99)),
      ].sort(),
    );
  });

  test("removes a tombstone after seven days, its packs after two, and counts it for nothing", async () => {
    const storage = await emptyStorage();
    await storeBackup(storage, ago(500));
    await storeTombstone(storage, ago(170), ago(167));
    await storePack(storage, packAt(170));
    await storeTombstone(storage, ago(180), ago(169));
    await storage.put(archiveKey(DATABASE, idAt(ago(180))), Buffer.from("left"));
    expect((await run(storage, { last: 1 })).deleted).toMatchObject({ backups: 0, packs: 1, leftovers: 1 });
    expect(await keysOf(storage)).toEqual(
      [
        archiveKey(DATABASE, idAt(ago(500))),
        manifestKey(DATABASE, idAt(ago(500))),
        manifestKey(DATABASE, idAt(ago(170))),
      ].sort(),
    );
  });

  test("refuses to delete more than half of the good backups, unless told to", async () => {
    const storage = await emptyStorage();
    for (const hours of [500, 400, 300, 200]) await storeBackup(storage, ago(hours));
    // Neither counts as good.
    for (const hours of [450, 350, 250])
      await storeBackup(storage, ago(hours), { suspect: ["public.x is gone"] });
    const before = await keysOf(storage);
    await expect(run(storage, { last: 1 }, { allowMany: false })).rejects.toMatchObject({
      exit: "refused",
      message: "3 of 4 good backups of production would be deleted, more than half",
    });
    expect(await keysOf(storage)).toEqual(before);
    expect((await run(storage, { last: 2 }, { allowMany: false })).deleted?.backups).toBe(3);
    expect((await run(storage, { last: 1 }, { allowMany: true })).deleted?.backups).toBe(2);
  });

  test.for(["list", "get"] as const)("deletes nothing when a %s fails", async (operation) => {
    const storage = await emptyStorage();
    for (const hours of [300, 200]) await storeBackup(storage, ago(hours), { packs: [packAt(hours)] });
    const before = await keysOf(storage);
    // The first listing has the packs, the second the backups.
    for (const nth of [1, 2]) {
      const error = new StorageError("transient", "the listing broke");
      const faulty = faultyStorage(storage, { fail: { operation, nth, error } });
      await expect(run(faulty, { last: 1 })).rejects.toThrow("the listing broke");
      expect(faulty.calls.delete).toBe(0);
    }
    expect(await keysOf(storage)).toEqual(before);
  });

  test("warns once where deleting is not permitted, and stops", async () => {
    const storage = await emptyStorage();
    for (let hours = 100; hours < 200; hours += 1) await storeBackup(storage, ago(hours));
    const before = await keysOf(storage);
    const forbidding: Storage = {
      ...faultyStorage(storage),
      delete: () => Promise.reject(new StorageError("not-permitted", "access denied")),
    };
    const { warnings, deleted } = await run(forbidding, { last: 1 });
    expect(warnings).toEqual(["nothing was deleted, since the storage does not permit it: access denied"]);
    expect(deleted).toEqual({ backups: 0, leftovers: 0, packs: 0, bytes: 0 });
    expect(await keysOf(storage)).toEqual(before);
  });

  test("keeps the packs of a manifest that comes while it runs, or does not go", async () => {
    const storage = await emptyStorage();
    await storeBackup(storage, ago(400), { packs: [packAt(400)] });
    await storeBackup(storage, ago(300), { packs: [packAt(300)] });
    await storeBackup(storage, ago(200));
    const stubborn = manifestKey(DATABASE, idAt(ago(300)));
    const faulty: Storage = {
      ...faultyStorage(storage),
      delete: async (key) => {
        // By somebody without a lease.
        if (key === manifestKey(DATABASE, idAt(ago(400)))) {
          await storeBackup(storage, ago(100), { packs: [packAt(400)] });
        }
        // As where an object is locked against deletion.
        if (key !== stubborn) await storage.delete(key);
      },
    };
    await run(faulty, { last: 1 });
    const keys = await keysOf(storage);
    expect(keys).toContain(packKey(DATABASE, packAt(400)));
    expect(keys).toContain(packKey(DATABASE, packAt(300)));
  });

  test("deletes nothing while a backup of the same database runs", async () => {
    const storage = await emptyStorage();
    for (const hours of [300, 200]) await storeBackup(storage, ago(hours));
    const before = await keysOf(storage);
    const jobs: Job[] = [];
    const withLease: WithLease = (job) => {
      jobs.push(job);
      return Promise.reject(new DataopsError("busy", "backup production is being run already"));
    };
    await expect(run(storage, { last: 1 }, { withLease })).rejects.toMatchObject({ exit: "busy" });
    expect(jobs).toEqual([{ kind: "backup", name: DATABASE, database: DATABASE }]);
    expect(await keysOf(storage)).toEqual(before);
  });

  test("ends in the middle when its lease is lost, and what is left is whole", async () => {
    const storage = await emptyStorage();
    for (let hours = 100; hours < 140; hours += 1)
      await storeBackup(storage, ago(hours), { packs: [packAt(hours)] });
    const lost = new AbortController();
    const faulty: Storage = {
      ...faultyStorage(storage),
      delete: async (key) => {
        await storage.delete(key);
        lost.abort(new DataopsError("fenced", "another run took over"));
      },
    };
    const withLease: WithLease = (_job, work) => work(holdUntil(lost.signal));
    await expect(run(faulty, { last: 1 }, { withLease })).rejects.toMatchObject({ exit: "fenced" });
    expect((await keysOf(storage)).filter((key) => key.endsWith("manifest.json")).length).toBeGreaterThan(30);
    expect(await findDamage(storage)).toEqual([]);
  });

  test("a process that slept through its lease deletes nothing more", async () => {
    const storage = await emptyStorage();
    for (const hours of [300, 200]) await storeBackup(storage, ago(hours));
    const before = await keysOf(storage);
    const withLease: WithLease = (_job, work) => {
      const lost = new AbortController();
      return work({
        ...holdUntil(lost.signal),
        // The clock says so, before any timer does.
        isHeld: () => {
          lost.abort(new DataopsError("fenced", "the lease ended"));
          return false;
        },
      });
    };
    await expect(run(storage, { last: 1 }, { withLease })).rejects.toMatchObject({ exit: "fenced" });
    expect(await keysOf(storage)).toEqual(before);
  });
});
