import { describe, expect, test } from "vitest";
import { Throttle } from "../../../src/reindex/throttle.ts";

describe("Throttle", () => {
  test("lets as many through as come where no rate is given", async () => {
    const throttle = new Throttle(undefined, () => 0);
    await throttle.wait(1e9, new AbortController().signal);
    await throttle.wait(1e9, new AbortController().signal);
    expect(throttle.most).toBe(Number.POSITIVE_INFINITY);
  });

  test("lets so many through each second, half a second's at a time", async () => {
    let now = 100;
    const throttle = new Throttle(
      1_000,
      () => now,
      (milliseconds) => {
        now += milliseconds;
        return Promise.resolve();
      },
    );
    expect(throttle.most).toBe(500);
    const times: number[] = [];
    for (let request = 0; request < 4; request++) {
      await throttle.wait(500, new AbortController().signal);
      times.push(now);
    }
    expect(times).toEqual([100, 600, 1_100, 1_600]);
    // Time that was not used is not made up for.
    now = 10_000;
    await throttle.wait(500, new AbortController().signal);
    await throttle.wait(1, new AbortController().signal);
    expect(now).toBe(10_500);
  });

  test("ends waiting with the signal's reason", async () => {
    const throttle = new Throttle(1, () => 0);
    const ending = new AbortController();
    await throttle.wait(1_000, ending.signal);
    const waiting = throttle.wait(1, ending.signal);
    ending.abort(new Error("it was ended"));
    await expect(waiting).rejects.toThrow("it was ended");
  });
});
