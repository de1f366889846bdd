import { expect } from "vitest";
import type { Storage } from "../../src/storage/storage.ts";
import { collect, collectAll, failureOf, partSizeOf, type StorageTest } from "./storage.ts";

const BODY = Buffer.from("0123456789");

/** `put`, `get`, `head` and `delete`, and what an abort does to each. */
export function objectTests(test: StorageTest): void {
  test("what was put is read back, byte for byte", async ({ storage }) => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const before = Date.now();
    const written = await storage.put("a/b.bin", body);
    expect(written).toMatchObject({ key: "a/b.bin", size: 256 });
    expect(await collect(await storage.get("a/b.bin"))).toEqual(body);
    const found = await storage.head("a/b.bin");
    expect(found).toMatchObject({ key: "a/b.bin", size: 256, tag: written.tag });
    // S3 tells whole seconds.
    expect(found.modified.getTime()).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000 - 1000);
    expect(found.modified.getTime()).toBeLessThanOrEqual(Date.now() + 1000);
  });

  test("an empty object is an object", async ({ storage }) => {
    await storage.put("empty", new Uint8Array());
    expect(await storage.head("empty")).toMatchObject({ size: 0 });
    expect(await collect(await storage.get("empty"))).toHaveLength(0);
  });

  test("a put replaces what was there, and its tag", async ({ storage }) => {
    const first = await storage.put("a", Buffer.from("first"));
    const second = await storage.put("a", Buffer.from("other"));
    expect(second.tag).not.toBe(first.tag);
    expect((await collect(await storage.get("a"))).toString()).toBe("other");
    expect(await storage.head("a")).toMatchObject({ size: 5, tag: second.tag });
  });

  test("a reader sees the old or the new, never a mixture", async ({ storage }) => {
    const bodies = ["a", "b"].map((letter) => Buffer.alloc(letter === "a" ? 300_000 : 200_000, letter));
    const seen = new Set<string>();
    await storage.put("contested", bodies[0] ?? BODY);
    const ended = new AbortController();
    const write = async (): Promise<void> => {
      for (let turn = 1; turn <= 10; turn += 1) await storage.put("contested", bodies[turn % 2] ?? BODY);
      ended.abort();
    };
    const read = async (): Promise<void> => {
      while (!ended.signal.aborted) seen.add((await collect(await storage.get("contested"))).toString());
    };
    await Promise.all([write(), read()]);
    expect([...seen].filter((text) => !bodies.some((body) => body.toString() === text))).toEqual([]);
  });

  for (const { name, start, end } of [
    { name: "from the start", start: 0, end: 4 },
    { name: "in the middle", start: 3, end: 7 },
    { name: "one byte", start: 9, end: 10 },
    { name: "up to the end", start: 5, end: 10 },
    { name: "the whole", start: 0, end: 10 },
    { name: "nothing, at the start", start: 0, end: 0 },
    { name: "nothing, at the end", start: 10, end: 10 },
  ]) {
    test(`a range: ${name}`, async ({ storage }) => {
      await storage.put("digits", BODY);
      const read = await collect(await storage.get("digits", { range: { start, end } }));
      expect(read).toEqual(BODY.subarray(start, end));
    });
  }

  for (const { name, start, end } of [
    { name: "ending after the object", start: 5, end: 11 },
    { name: "starting at its end", start: 10, end: 12 },
    { name: "starting after its end", start: 20, end: 30 },
  ]) {
    test(`a range ${name} is an error, never a short body`, async ({ storage }) => {
      await storage.put("digits", BODY);
      const reading = storage.get("digits", { range: { start, end } }).then(collect);
      await expect(reading).rejects.toSatisfy(failureOf("permanent"));
    });
  }

  test("what is not there is not found, before the first byte", async ({ storage }) => {
    await storage.put("folder/object", BODY);
    for (const key of ["absent", "folder", "folder/absent", "folder/object/below"]) {
      await expect(storage.head(key)).rejects.toSatisfy(failureOf("not-found"));
      await expect(storage.get(key)).rejects.toSatisfy(failureOf("not-found"));
      for (const range of [
        { start: 0, end: 5 },
        { start: 0, end: 0 },
      ])
        await expect(storage.get(key, { range })).rejects.toSatisfy(failureOf("not-found"));
    }
  });

  test("a failure names the key and the storage", async ({ storage }) => {
    await expect(storage.head("some/key")).rejects.toThrow(/some\/key/);
    await expect(storage.head("some/key")).rejects.toThrow(storage.url);
  });

  test("a reading may be left off in the middle", async ({ storage }) => {
    await storage.put("large", Buffer.alloc(8_000_000));
    for await (const chunk of await storage.get("large")) {
      expect(chunk.byteLength).toBeLessThan(8_000_000);
      break;
    }
    expect(await storage.head("large")).toMatchObject({ size: 8_000_000 });
  });

  test("a deleted object is gone, and may be deleted again", async ({ storage }) => {
    await storage.put("a", BODY);
    await storage.put("ab", BODY);
    await storage.delete("a");
    await expect(storage.head("a")).rejects.toSatisfy(failureOf("not-found"));
    await storage.delete("a");
    await storage.delete("never/there");
    expect(await storage.head("ab")).toMatchObject({ size: 10 });
  });

  test("an abort ends everything, with its reason", async ({ storage }) => {
    const { tag } = await storage.put("there", BODY);
    const upload = await storage.startUpload("new", partSizeOf(storage));
    const reason = new Error("enough");
    const options = { signal: AbortSignal.abort(reason) };
    const calls: ((storage: Storage) => Promise<unknown>)[] = [
      () => storage.put("new", BODY, options),
      () => storage.create("new", BODY, options),
      () => storage.replace("there", Buffer.from("x"), tag, options),
      () => storage.startUpload("new", partSizeOf(storage), options),
      () => storage.get("there", options),
      () => storage.head("there", options),
      () => storage.delete("there", options),
      () => collectAll(storage.list("", options)),
      () => collectAll(storage.listUploads("", options)),
      () => upload.part(1, BODY, options),
      () => upload.complete(1, options),
    ];
    for (const call of calls) await expect(call(storage)).rejects.toBe(reason);
    await upload.abort();
    expect(await collectAll(storage.list(""))).toMatchObject([{ key: "there", size: 10 }]);
  });

  test("an abort ends a reading in the middle, with its reason", async ({ storage }) => {
    await storage.put("large", Buffer.alloc(8_000_000));
    const abort = new AbortController();
    const reason = new Error("enough");
    const read = async (): Promise<void> => {
      for await (const chunk of await storage.get("large", { signal: abort.signal })) {
        expect(chunk.byteLength).toBeGreaterThan(0);
        abort.abort(reason);
      }
    };
    await expect(read()).rejects.toBe(reason);
  });
}
