import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { watchForStall } from "../../../src/backup/stall.ts";
import type { DataopsError } from "../../../src/errors.ts";

const LIMIT = 60_000;

/** A stream whose chunks come when the test says. */
function handFed(): { source: AsyncIterable<Uint8Array>; feed: () => void; end: () => void } {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  return {
    source: readable,
    feed: () => void writer.write(new Uint8Array(1)),
    end: () => void writer.close(),
  };
}

describe("watchForStall", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("blames pg_dump when no byte comes", async () => {
    const errors: DataopsError[] = [];
    using watch = watchForStall(LIMIT, (error) => errors.push(error));
    const { source, feed } = handFed();
    const stream = watch.watch(source);
    const first = stream.next();
    vi.advanceTimersByTime(LIMIT - 1);
    feed();
    await first;
    void stream.next();
    await Promise.resolve();
    vi.advanceTimersByTime(LIMIT - 1);
    expect(errors).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(errors).toMatchObject([{ exit: "failed", message: "pg_dump wrote nothing for 60 s" }]);
  });

  test("blames the storage when no byte is taken", async () => {
    const errors: DataopsError[] = [];
    using watch = watchForStall(LIMIT, (error) => errors.push(error));
    const { source, feed } = handFed();
    const stream = watch.watch(source);
    feed();
    await stream.next();
    vi.advanceTimersByTime(LIMIT);
    expect(errors).toMatchObject([{ exit: "unreachable", message: "the storage took nothing for 60 s" }]);
  });

  test("is quiet after the stream's end, and after it is disposed", async () => {
    const errors: DataopsError[] = [];
    const watch = watchForStall(LIMIT, (error) => errors.push(error));
    const { source, end } = handFed();
    const stream = watch.watch(source);
    end();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    vi.advanceTimersByTime(LIMIT * 2);
    const other = watchForStall(LIMIT, (error) => errors.push(error));
    watch[Symbol.dispose]();
    other[Symbol.dispose]();
    vi.advanceTimersByTime(LIMIT * 2);
    expect(errors).toEqual([]);
  });
});
