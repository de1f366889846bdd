import { expect, test } from "vitest";
import type { LockQueued, LockWait } from "../../../src/postgres/lock-waits.ts";
import { describeQueued, describeWait, lockError } from "../../../src/reindex/lock-watch.ts";

const WAIT: LockWait = {
  waiting: 100,
  relation: "public.products",
  blocker: 4711,
  blockerUser: "deploy",
  blockerApplication: "rails",
  blockerState: "idle in transaction",
};
const QUEUED: LockQueued = {
  waiting: 4712,
  relation: "public.products",
  user: "deploy",
  application: "rails",
};

test.each<[LockWait, string]>([
  [
    WAIT,
    "waiting for public.products, which process 4711 (user deploy, rails, idle in transaction) keeps locked",
  ],
  [
    { ...WAIT, relation: null, blockerUser: null, blockerApplication: "", blockerState: null },
    "waiting for a lock, which process 4711 keeps locked",
  ],
])("a wait is told with who is waited for: %#", (wait, expected) => {
  expect(describeWait(wait)).toBe(expected);
});

test.each<[LockQueued, RegExp]>([
  [QUEUED, /^process 4712 \(user deploy, rails\) waits for public\.products, which this run reads, /],
  [{ ...QUEUED, relation: null, user: null, application: null }, /^process 4712 waits for a lock, /],
])("who waits for the run is told: %#", (queued, expected) => {
  expect(describeQueued(queued)).toMatch(expected);
});

test("a wait that took too long says what to do", () => {
  expect(lockError(WAIT, 30_000, undefined)).toMatchObject({
    exit: "failed",
    message:
      "waited 30 s for public.products, which process 4711 (user deploy, rails, idle in transaction) keeps locked",
    hint: expect.stringContaining("SELECT pg_terminate_backend(4711)"),
  });
  expect(lockError(undefined, 30_000, undefined).message).toBe("waited 30 s for a lock on a table");
});
