import { describe, expect, test } from "vitest";
import { openFileStorage } from "../../../src/storage/file.ts";
import { retrying, type RetryPolicy } from "../../../src/storage/retrying.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import type { Storage, StorageErrorKind } from "../../../src/storage/storage.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const POLICY: RetryPolicy = { attempts: 6, baseDelay: 100, maxDelay: 1000 };

describe("retries", () => {
  test("wait twice as long each time, up to a bound, times chance", async () => {
    const { storage } = await failing("transient", Infinity);
    const waits: number[] = [];
    const reported: [number, number][] = [];
    const tried = retrying(storage, {
      ...POLICY,
      random: () => 0.5,
      sleep: (milliseconds) => Promise.resolve(waits.push(milliseconds)),
      onRetry: (_error, attempt, delay) => reported.push([attempt, delay]),
    });
    await expect(tried.head("a")).rejects.toThrow("failure 6");
    expect(waits).toEqual([50, 100, 200, 400, 500]);
    expect(reported).toEqual(waits.map((delay, index) => [index + 1, delay]));
  });

  for (const kind of ["not-found", "precondition-failed", "not-permitted", "permanent"] as const) {
    test(`none after a failure that is ${kind}`, async () => {
      const { storage, calls } = await failing(kind, Infinity);
      await expect(retrying(storage, POLICY).head("a")).rejects.toMatchObject({ kind });
      expect(calls()).toBe(1);
    });
  }

  test("none after a bug", async () => {
    let calls = 0;
    const sound = openFileStorage(await temporaryFolder("retrying"));
    const bug = new TypeError("undefined is not a function");
    const storage: Storage = { ...sound, head: () => ((calls += 1), Promise.reject(bug)) };
    await expect(retrying(storage, POLICY).head("a")).rejects.toBe(bug);
    expect(calls).toBe(1);
  });

  test("end with the first success", async () => {
    const { storage, calls } = await failing("transient", 2);
    await storage.put("a", Buffer.from("x"));
    const tried = retrying(storage, { ...POLICY, sleep: () => Promise.resolve() });
    expect(await tried.head("a")).toMatchObject({ size: 1 });
    expect(calls()).toBe(3);
  });

  test("an abort ends the wait, with its reason", async () => {
    const { storage, calls } = await failing("transient", Infinity);
    const abort = new AbortController();
    const reason = new Error("enough");
    const tried = retrying(storage, {
      attempts: 5,
      baseDelay: 600_000,
      maxDelay: 600_000,
      random: () => 1,
      onRetry: () => setImmediate(() => abort.abort(reason)),
    });
    await expect(tried.head("a", { signal: abort.signal })).rejects.toBe(reason);
    expect(calls()).toBe(1);
  });
});

/** A storage whose first so many looks fail. */
async function failing(
  kind: StorageErrorKind,
  times: number,
): Promise<{ storage: Storage; calls: () => number }> {
  const sound = openFileStorage(await temporaryFolder("retrying"));
  let calls = 0;
  const head: Storage["head"] = (key, options) => {
    calls += 1;
    return calls > times
      ? sound.head(key, options)
      : Promise.reject(new StorageError(kind, `failure ${calls}`));
  };
  return { storage: { ...sound, head }, calls: () => calls };
}
