import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { delayedSignal } from "../../src/delayed-signal.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a delayed signal", () => {
  test("fires so much later than the other, for the same reason", () => {
    const stop = new AbortController();
    using delayed = delayedSignal(stop.signal, 5_000);
    vi.advanceTimersByTime(60_000);
    expect(delayed.signal.aborted).toBe(false);
    stop.abort(new Error("terminated"));
    vi.advanceTimersByTime(4_999);
    expect(delayed.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(delayed.signal.reason).toBe(stop.signal.reason);
  });

  test("of one that has fired counts from now", () => {
    using delayed = delayedSignal(AbortSignal.abort(), 5_000);
    expect(delayed.signal.aborted).toBe(false);
    vi.advanceTimersByTime(5_000);
    expect(delayed.signal.aborted).toBe(true);
  });

  test("leaves neither a timer nor a listener when it is disposed of", () => {
    const stop = new AbortController();
    const delayed = delayedSignal(stop.signal, 5_000);
    delayed[Symbol.dispose]();
    stop.abort();
    expect(vi.getTimerCount()).toBe(0);
    expect(delayed.signal.aborted).toBe(false);
  });
});
