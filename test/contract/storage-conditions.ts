import { expect } from "vitest";
import { probeConditionalWrites } from "../../src/storage/probe.ts";
import { retrying } from "../../src/storage/retrying.ts";
import { collect, collectAll, failureOf, type StorageTest } from "./storage.ts";

const CALLERS = 8;
/** A store may answer writes that meet with "try again": only then is it told who won. */
const QUICKLY = { attempts: 10, baseDelay: 5, maxDelay: 200 };
const BODY = Buffer.from("x");

/** `create` and `replace`, one caller and many at once. */
export function conditionalWriteTests(test: StorageTest): void {
  test("a create makes an object, once", async ({ storage }) => {
    const made = await storage.create("a/lock", Buffer.from("mine"));
    expect(await storage.head("a/lock")).toMatchObject({ size: 4, tag: made.tag });
    const second = storage.create("a/lock", Buffer.from("theirs"));
    await expect(second).rejects.toSatisfy(failureOf("precondition-failed"));
    expect((await collect(await storage.get("a/lock"))).toString()).toBe("mine");
    await storage.delete("a/lock");
    await storage.create("a/lock", Buffer.from("theirs"));
    expect((await collect(await storage.get("a/lock"))).toString()).toBe("theirs");
  });

  test("of creates at the same time exactly one wins", async ({ storage: bare }) => {
    const storage = retrying(bare, QUICKLY);
    for (let round = 1; round <= 5; round += 1) {
      const key = `lock-${round}`;
      const calls = Array.from({ length: CALLERS }, (_, index) =>
        storage.create(key, Buffer.from(`${index}`)),
      );
      const winner = await theWinner(calls);
      expect((await collect(await storage.get(key))).toString()).toBe(`${winner}`);
    }
  });

  test("a replace needs the tag of what is there", async ({ storage }) => {
    const first = await storage.put("a", Buffer.from("1st"));
    const second = await storage.replace("a", Buffer.from("2nd"), first.tag);
    expect(second.tag).not.toBe(first.tag);
    const stale = storage.replace("a", Buffer.from("3rd"), first.tag);
    await expect(stale).rejects.toSatisfy(failureOf("precondition-failed"));
    expect((await collect(await storage.get("a"))).toString()).toBe("2nd");
    const { tag } = await storage.head("a");
    await storage.replace("a", Buffer.from("4th"), tag);
    expect((await collect(await storage.get("a"))).toString()).toBe("4th");
  });

  test("a replace of what is gone fails, and makes nothing", async ({ storage }) => {
    const { tag } = await storage.put("a", Buffer.from("1st"));
    await storage.delete("a");
    for (const key of ["a", "never/there"]) {
      const call = storage.replace(key, BODY, tag);
      await expect(call).rejects.toSatisfy(failureOf("precondition-failed"));
    }
    expect(await collectAll(storage.list(""))).toEqual([]);
  });

  test("of replaces at the same time exactly one wins", async ({ storage: bare }) => {
    const storage = retrying(bare, QUICKLY);
    let { tag } = await storage.put("a", Buffer.from("start"));
    for (let round = 1; round <= 5; round += 1) {
      const bodies = Array.from({ length: CALLERS }, (_, index) => Buffer.from(`${round}-${index}`));
      const calls = bodies.map((body) => storage.replace("a", body, tag));
      const winner = await theWinner(calls);
      expect((await collect(await storage.get("a"))).toString()).toBe(`${round}-${winner}`);
      ({ tag } = await storage.head("a"));
    }
  });

  test("the probe finds them real, and leaves nothing", async ({ storage }) => {
    expect(await probeConditionalWrites(storage)).toEqual({ conditional: true });
    expect(await collectAll(storage.list(""))).toEqual([]);
  });
}

/** Where a store takes the conditions and does not keep them. */
export function noConditionalWriteTests(test: StorageTest): void {
  test("the probe finds them missing, and leaves nothing", async ({ storage }) => {
    expect(await probeConditionalWrites(storage)).toMatchObject({
      conditional: false,
      reason: "it created an object that was there",
    });
    expect(await collectAll(storage.list(""))).toEqual([]);
  });
}

/** The index of the one call that succeeded; all others must have failed on their precondition. */
async function theWinner(calls: readonly Promise<unknown>[]): Promise<number> {
  const results = await Promise.allSettled(calls);
  const winners = results.flatMap((result, index) => (result.status === "fulfilled" ? [index] : []));
  expect(winners).toHaveLength(1);
  const reasons = results.flatMap((result): unknown => (result.status === "rejected" ? [result.reason] : []));
  for (const reason of reasons) expect(reason).toSatisfy(failureOf("precondition-failed"));
  return winners[0] ?? -1;
}
