import { expect } from "vitest";
import { previewPrune, prune, type PruneOutcome } from "../../../src/backup/prune/prune.ts";
import { inParallel } from "../../../src/parallel.ts";
import { archiveKey, manifestKey, packKey } from "../../../src/repository/keys.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { test } from "../../support/faulty-s3.ts";
import type { Fault, ProxiedRequest } from "../../support/s3-proxy.ts";
import {
  alone,
  DATABASE,
  findDamage,
  idAt,
  keysOf,
  storeBackup,
  storePack,
} from "../../support/stored-backups.ts";

const HOUR = 3_600_000;
/** Long after the packs were written. */
const NOW = Date.now() + 60 * 24 * HOUR;
/** As many as no page of a listing holds: all that goes is behind them. */
const PAGE = 1_001;
const BACKUPS = 40;
const KEPT = 25;
const { signal } = new AbortController();

function ago(hours: number): string {
  return new Date(NOW - hours * HOUR).toISOString();
}

/** A backup that a person keeps, with its many packs, and after it one an hour, each with a pack; and objects of somebody's. */
async function fill(storage: Storage): Promise<void> {
  const numbers = Array.from({ length: PAGE }, (_, index) => index + 1);
  await inParallel(numbers, 24, signal, async (number) => {
    await storage.put(`${DATABASE}/backups/00-notes/${number}`, Buffer.from("not ours"));
  });
  const packs = numbers.map((number) => `${idAt(ago(900))}-${number}`);
  await inParallel(packs, 24, signal, async (name) => storePack(storage, name));
  await storeBackup(storage, ago(901), { packs, sidecars: ["kept"] });
  const hours = Array.from({ length: BACKUPS }, (_, index) => 100 + index);
  await inParallel(hours, 24, signal, async (hour) => {
    await storeBackup(storage, ago(hour), { packs: [`${idAt(ago(hour))}-1`] });
  });
}

async function run(storage: Storage): Promise<PruneOutcome> {
  return await prune(
    { storage, signal, now: () => NOW, withLease: alone },
    { database: DATABASE, rules: { last: KEPT }, allowMany: false },
  );
}

const isList = ({ operation, url }: ProxiedRequest, folder: string): boolean =>
  operation === "ListObjects" &&
  new URL(url, "http://s3").searchParams.get("prefix")?.includes(folder) === true;
const isSecondPage = ({ url }: ProxiedRequest): boolean =>
  new URL(url, "http://s3").searchParams.has("continuation-token");

test(
  "more than 1,000 objects: a listing that fails half-way deletes nothing, and one that does not sees all",
  { timeout: 180_000 },
  async ({ faulty }) => {
    let fault: { folder: string; fault: Fault } | undefined;
    const { storage, proxy, behind } = await faulty((request) =>
      fault !== undefined && isList(request, fault.folder) && isSecondPage(request) ? fault.fault : undefined,
    );
    await fill(behind);
    const before = await keysOf(behind);
    expect(before).toHaveLength(2 * PAGE + 3 + 3 * BACKUPS);

    const faults: Fault[] = [
      { kind: "answer", status: 500, code: "InternalError" },
      { kind: "answer", status: 403, code: "AccessDenied" },
      // Half of a page is no page.
      { kind: "reset-answer", afterBytes: 2_000 },
    ];
    for (const folder of ["packs/", "backups/"]) {
      for (const one of faults) {
        fault = { folder, fault: one };
        await expect(run(storage)).rejects.toMatchObject({ name: "DataopsError" });
      }
    }
    expect(proxy.requests.filter(({ operation }) => operation === "DeleteObject")).toEqual([]);
    expect(await keysOf(behind)).toEqual(before);

    fault = undefined;
    const { deleted, warnings } = await run(storage);
    expect(warnings).toEqual([]);
    expect(deleted).toMatchObject({ backups: BACKUPS - KEPT, packs: BACKUPS - KEPT, leftovers: 0 });
    const gone = Array.from({ length: BACKUPS - KEPT }, (_, index) => idAt(ago(100 + KEPT + index)));
    const expected = new Set(
      gone.flatMap((id) => [
        manifestKey(DATABASE, id),
        archiveKey(DATABASE, id),
        packKey(DATABASE, `${id}-1`),
      ]),
    );
    expect(await keysOf(behind)).toEqual(before.filter((key) => !expected.has(key)));
    expect(await findDamage(behind)).toEqual([]);
  },
);

test("a writer without permission to delete: one clear warning, and all is there", async ({ faulty }) => {
  const { storage, proxy, behind } = await faulty(({ operation }) =>
    operation === "DeleteObject" ? { kind: "answer", status: 403, code: "AccessDenied" } : undefined,
  );
  for (let hour = 100; hour < 130; hour += 1) await storeBackup(behind, ago(hour));
  const before = await keysOf(behind);
  const { warnings, deleted } = await prune(
    { storage, signal, now: () => NOW, withLease: alone },
    { database: DATABASE, rules: { last: 1 }, allowMany: true },
  );
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^nothing was deleted, since the storage does not permit it: .*AccessDenied/);
  expect(deleted).toMatchObject({ backups: 0, packs: 0, bytes: 0 });
  expect(await keysOf(behind)).toEqual(before);
  // It does not try thirty times.
  const tries = proxy.requests.filter(({ operation }) => operation === "DeleteObject").length;
  expect(tries).toBeLessThanOrEqual(8);

  const preview = await previewPrune(
    { storage, signal, now: () => NOW },
    { database: DATABASE, rules: { last: 1 } },
  );
  expect(preview.warnings).toEqual([]);
});
