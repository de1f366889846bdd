import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { clearLeftovers, judgeRun } from "../../../src/backup/leftovers.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { stampOf } from "../../../src/repository/backup-id.ts";
import { archiveKey, manifestKey, packKey, packName } from "../../../src/repository/keys.ts";
import { serializeManifest } from "../../../src/repository/manifest.ts";
import type { RunState } from "../../../src/repository/run-record.ts";
import { parseTombstone, serializeTombstone } from "../../../src/repository/tombstone.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { loneRun } from "../../support/lone-run.ts";
import { exampleManifest } from "../../support/manifests.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const NOW = Date.parse("2026-11-21T04:00:00Z");
const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

let storage: Storage;
let states: Map<string, RunState>;
let warnings: string[];
beforeEach(async () => {
  storage = openFileStorage(await temporaryFolder("leftovers"));
  states = new Map();
  warnings = [];
});

/** The id of a run that began so long ago. */
function runOf(age: number, tail: string): string {
  return `${stampOf(new Date(NOW - age).toISOString())}-${tail}`;
}

/** What a run leaves that dies when its archive is complete: one pack, the archive, and an upload. */
async function leave(id: string, state: RunState | undefined): Promise<void> {
  if (state !== undefined) states.set(id, state);
  await storage.put(archiveKey("shop", id), Buffer.from("archive"));
  await storage.put(packKey("shop", packName(id, 1)), Buffer.from("pack"));
  const upload = await storage.startUpload(packKey("shop", packName(id, 2)), 1024);
  await upload.part(1, Buffer.from("part"));
  onTestFinished(() => upload.abort());
}

async function clear(from: Storage = storage): Promise<void> {
  const signal = new AbortController().signal;
  const own = loneRun({ storage: from, database: "shop", started: NOW, signal });
  await clearLeftovers({
    storage: from,
    database: "shop",
    run: { ...own, stateOf: (id) => Promise.resolve(states.get(id)) },
    reporter: { ...silentReporter, warn: (message) => void warnings.push(message) },
    now: () => NOW,
  });
}

/** What there is of a run. */
async function left(id: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of storage.listUploads("shop/")) if (key.includes(id)) found.push("upload");
  for await (const { key } of storage.list("shop/")) {
    if (!key.includes(id)) continue;
    if (key === archiveKey("shop", id)) found.push("archive");
    else if (key === manifestKey("shop", id)) found.push("manifest");
    else found.push("pack");
  }
  return found.toSorted();
}

describe("what is cleared of a run", () => {
  const ALL = { uploads: true, archive: true, packs: true };
  const ALL_BUT_PACKS = { ...ALL, packs: false };
  const NOTHING = { uploads: false, archive: false, packs: false };
  test.for<[RunState | undefined, number, ReturnType<typeof judgeRun>]>([
    ["running", 30 * DAY, NOTHING],
    ["done", 30 * DAY, { ...NOTHING, uploads: true }],
    ["lost", HOUR, ALL_BUT_PACKS],
    ["lost", 2 * DAY, ALL_BUT_PACKS],
    ["lost", 2 * DAY + 1, ALL],
    ["failed", HOUR, ALL_BUT_PACKS],
    ["interrupted", 3 * DAY, ALL],
    ["fenced", HOUR, ALL_BUT_PACKS],
    [undefined, DAY, NOTHING],
    [undefined, DAY + 1, ALL_BUT_PACKS],
    [undefined, 30 * DAY, ALL_BUT_PACKS],
  ])("that is %s, %d ms after it began", ([state, age, expected]) => {
    expect(judgeRun(state, age)).toEqual(expected);
  });
});

test("a lost run's upload and archive go at once, its packs after two days", async () => {
  const [young, old] = [runOf(HOUR, "aaaaaa"), runOf(3 * DAY, "bbbbbb")];
  await leave(young, "lost");
  await leave(old, "lost");
  await clear();
  expect(await left(young)).toEqual(["manifest", "pack"]);
  expect(await left(old)).toEqual(["manifest"]);
  expect(warnings).toEqual([]);
});

test("from then on it can publish nothing", async () => {
  const id = runOf(HOUR, "aaaaaa");
  await leave(id, "failed");
  await clear();
  const chunks: Uint8Array[] = [];
  for await (const chunk of await storage.get(manifestKey("shop", id))) chunks.push(chunk);
  expect(parseTombstone(Buffer.concat(chunks))).toBeDefined();
});

test("a run that lives is left alone, and one that nothing is known of for a day", async () => {
  const [alive, unknown] = [runOf(HOUR, "aaaaaa"), runOf(HOUR, "bbbbbb")];
  await leave(alive, "running");
  await leave(unknown, undefined);
  await clear();
  expect(await left(alive)).toEqual(["archive", "pack", "upload"]);
  expect(await left(unknown)).toEqual(["archive", "pack", "upload"]);
});

test("a backup that exists loses nothing, whatever its run's record says", async () => {
  const manifest = { ...exampleManifest(), database: "shop" };
  await leave(manifest.id, "failed");
  await storage.put(manifestKey("shop", manifest.id), serializeManifest(manifest));
  await clear();
  expect(await left(manifest.id)).toEqual(["archive", "manifest", "pack"]);
});

test("a pack that a manifest names stays, as old as it is", async () => {
  const [used, unused] = [runOf(3 * DAY, "aaaaaa"), runOf(3 * DAY, "bbbbbb")];
  await leave(used, "lost");
  await leave(unused, "lost");
  const example = exampleManifest();
  const packs = [{ name: packName(used, 1), size: 4 }];
  const manifest = { ...example, database: "shop", blocks: { packs, tables: [] } };
  await storage.put(manifestKey("shop", manifest.id), serializeManifest(manifest));
  await clear();
  expect(await left(used)).toEqual(["manifest", "pack"]);
  expect(await left(unused)).toEqual(["manifest"]);
});

test("no pack goes while a manifest cannot be read", async () => {
  const id = runOf(3 * DAY, "aaaaaa");
  await leave(id, "lost");
  await storage.put(manifestKey("shop", runOf(DAY, "cccccc")), Buffer.alloc(2_000, "x"));
  await clear();
  expect(await left(id)).toEqual(["manifest", "pack"]);
});

test("what was begun to be cleared is cleared the next time", async () => {
  const id = runOf(HOUR, "aaaaaa");
  await leave(id, "lost");
  const abandoned = { by: id, at: new Date(NOW).toISOString() };
  await storage.put(manifestKey("shop", id), serializeTombstone({ format: 1, abandoned }));
  await clear();
  expect(await left(id)).toEqual(["manifest", "pack"]);
});

test("what may not be deleted is told, and stops nothing", async () => {
  await leave(runOf(HOUR, "aaaaaa"), "lost");
  const denied = new StorageError("not-permitted", "deleting is denied");
  await clear({ ...storage, delete: () => Promise.reject(denied) });
  expect(warnings).toEqual(["what dead runs left could not be cleared: deleting is denied"]);
});
