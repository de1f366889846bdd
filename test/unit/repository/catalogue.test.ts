import { expect, test } from "vitest";
import {
  findBackup,
  findLatest,
  findStoredBackup,
  latestBackup,
  listBackups,
  newestReadableGood,
} from "../../../src/repository/catalogue.ts";
import { archiveKey, manifestKey, sidecarKey } from "../../../src/repository/keys.ts";
import { serializeManifest, type Manifest } from "../../../src/repository/manifest.ts";
import { isGood, isKept } from "../../../src/repository/stored-backup.ts";
import { serializeTombstone } from "../../../src/repository/tombstone.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { exampleManifest } from "../../support/manifests.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const SUSPECT = { suspect: ["public.orders is empty"] };

async function emptyStorage(): Promise<Storage> {
  return openFileStorage(await temporaryFolder("catalogue"));
}

async function store(storage: Storage, day: number, changes: Partial<Manifest> = {}): Promise<Manifest> {
  const manifest = exampleManifest(`2026-11-${day}T04:00:00.000Z`, changes);
  await storage.put(manifestKey(manifest.database, manifest.id), serializeManifest(manifest));
  return manifest;
}

async function mark(
  storage: Storage,
  { database, id }: Manifest,
  sidecar: "accepted" | "kept",
): Promise<void> {
  await storage.put(sidecarKey(database, id, sidecar), Buffer.from("{}"));
}

async function abandon(storage: Storage, id: string): Promise<void> {
  const tombstone = {
    format: 1,
    abandoned: { by: "20261122T040000Z-k3v9qa", at: "2026-11-22T04:00:00.000Z" },
  } as const;
  await storage.put(manifestKey("production", id), serializeTombstone(tombstone));
}

test("the latest is the newest good one, and what is suspect is passed over until accepted", async () => {
  const storage = await emptyStorage();
  const good = await store(storage, 10);
  const older = await store(storage, 11, SUSPECT);
  const newer = await store(storage, 12, SUSPECT);
  const { backup, passedOver } = await findLatest(storage, "production");
  expect(backup.manifest.id).toBe(good.id);
  expect(passedOver.map(({ manifest }) => manifest.id)).toEqual([newer.id, older.id]);

  await mark(storage, older, "accepted");
  const next = await findLatest(storage, "production");
  expect(next.backup.manifest.id).toBe(older.id);
  expect(next.passedOver.map(({ manifest }) => manifest.id)).toEqual([newer.id]);
});

test("where all are suspect there is no latest", async () => {
  const storage = await emptyStorage();
  await store(storage, 10, SUSPECT);
  await expect(latestBackup(storage, "production")).rejects.toMatchObject({
    exit: "noSuchBackup",
    message: expect.stringMatching(/no good backup of production .* only 1 suspect/) as unknown,
  });
});

test("an older backup is never passed off as the latest where a newer one cannot be read", async () => {
  const storage = await emptyStorage();
  const good = await store(storage, 10);
  await storage.put(manifestKey("production", "20261111T040000Z-k3v9qa"), Buffer.from("{"));
  await expect(latestBackup(storage, "production")).rejects.toMatchObject({ exit: "corrupt" });
  // A new backup is compared with what there is.
  expect((await newestReadableGood(storage, "production"))?.id).toBe(good.id);
});

test("nothing to compare with is no failure", async () => {
  expect(await newestReadableGood(await emptyStorage(), "production")).toBeUndefined();
});

test("one listing says what lies beside each manifest", async () => {
  const storage = await emptyStorage();
  const kept = await store(storage, 10, SUSPECT);
  await mark(storage, kept, "kept");
  const accepted = await store(storage, 11, SUSPECT);
  await mark(storage, accepted, "accepted");
  await storage.put("production/backups/20261112T040000Z-k3v9qa/notes.json", Buffer.from("{}"));
  await storage.put(archiveKey("production", "20261113T040000Z-k3v9qa"), Buffer.from("x"));
  // All that is left of a backup that was deleted: no backup.
  await storage.put(sidecarKey("production", "20261109T040000Z-k3v9qa", "kept"), Buffer.from("{}"));

  const { backups, unfinished, foreign } = await listBackups(storage, undefined);
  expect(backups.map((backup) => [backup.manifest.id, isGood(backup), isKept(backup)])).toEqual([
    [accepted.id, true, false],
    [kept.id, false, true],
  ]);
  expect(unfinished).toEqual([{ database: "production", id: "20261113T040000Z-k3v9qa" }]);
  expect(foreign).toEqual(["production/backups/20261112T040000Z-k3v9qa/notes.json"]);
});

test("a tombstone is no backup, and no damaged one", async () => {
  const storage = await emptyStorage();
  const good = await store(storage, 10);
  await abandon(storage, "20261111T040000Z-k3v9qa");
  expect(await latestBackup(storage, "production")).toEqual(good);
  expect(await listBackups(storage, "production")).toMatchObject({
    backups: [{ manifest: { id: good.id } }],
    unreadable: [],
    abandoned: [{ id: "20261111T040000Z-k3v9qa", abandoned: { by: "20261122T040000Z-k3v9qa" } }],
  });
  await expect(findBackup(storage, "20261111T04")).rejects.toMatchObject({ exit: "noSuchBackup" });
});

test("the beginning of an id finds one backup, good or not, and no tombstone beside it", async () => {
  const storage = await emptyStorage();
  const suspect = await store(storage, 10, SUSPECT);
  await abandon(storage, "20261110T040001Z-k3v9qb");
  expect((await findStoredBackup(storage, "20261110T04")).manifest).toEqual(suspect);
  await store(storage, 11);
  await expect(findBackup(storage, "202611")).rejects.toMatchObject({
    exit: "usage",
    message: expect.stringContaining("fits 2 backups") as unknown,
  });
});
