import { describe, expect, test } from "vitest";
import { openFileStorage } from "../../../src/storage/file.ts";
import { clearProbes, probeConditionalWrites } from "../../../src/storage/probe.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** What stores have been seen to do, each over a folder that does it right. */
const BREACHES: { reason: string; breach: (storage: Storage) => Partial<Storage> }[] = [
  {
    reason: "it created an object that was there",
    breach: (sound) => ({ create: (key, body) => sound.put(key, body) }),
  },
  {
    reason: "it replaced an object whose tag was another",
    breach: (sound) => ({
      replace: (key, body) => sound.head(key).then(() => sound.put(key, body), refused),
    }),
  },
  {
    reason: "it replaced an object that was not there",
    breach: (sound) => ({
      replace: (key, body, tag) =>
        sound.head(key).then(
          () => sound.replace(key, body, tag),
          () => sound.put(key, body),
        ),
    }),
  },
  {
    reason: "it did not replace an object whose tag was the right one",
    breach: () => ({ replace: refused }),
  },
  {
    reason: "it refused a conditional write: not implemented",
    breach: () => ({ create: () => Promise.reject(new StorageError("permanent", "not implemented")) }),
  },
];

describe("the probe of conditional writes", () => {
  for (const { reason, breach } of BREACHES) {
    test(`names a store of which this is so: ${reason}`, async () => {
      const sound = openFileStorage(await temporaryFolder("probe"));
      const storage = { ...sound, ...breach(sound) };
      expect(await probeConditionalWrites(storage)).toEqual({ conditional: false, reason });
      const left: string[] = [];
      for await (const { key } of sound.list("")) left.push(key);
      expect(left).toEqual([]);
    });
  }

  for (const kind of ["not-permitted", "transient"] as const) {
    test(`is no judgement where a write fails as ${kind}`, async () => {
      const sound = openFileStorage(await temporaryFolder("probe"));
      const failure = new StorageError(kind, "no");
      const storage = { ...sound, create: () => Promise.reject(failure) };
      await expect(probeConditionalWrites(storage)).rejects.toBe(failure);
    });
  }

  test("a writer who may not delete gets an answer all the same", async () => {
    const sound = openFileStorage(await temporaryFolder("probe"));
    const storage = { ...sound, delete: () => Promise.reject(new StorageError("not-permitted", "no")) };
    expect(await probeConditionalWrites(storage)).toEqual({ conditional: true });
  });
});

function refused(): Promise<never> {
  return Promise.reject(new StorageError("precondition-failed", "changed"));
}

test("what probes left goes after a day, and nothing else", async () => {
  const storage = openFileStorage(await temporaryFolder("probe"));
  const kept = ["locks/production/backup-production.json", "production/packs/x.pack"];
  for (const key of ["locks/probe-1", ...kept]) await storage.put(key, Buffer.from("probe\n"));
  const keys = async (): Promise<string[]> =>
    (await Array.fromAsync(storage.list(""))).map(({ key }) => key).sort();
  await clearProbes(storage, Date.now() + 23 * 3_600_000);
  expect(await keys()).toEqual(["locks/probe-1", ...kept].sort());
  await clearProbes(storage, Date.now() + 25 * 3_600_000);
  expect(await keys()).toEqual(kept);
});
