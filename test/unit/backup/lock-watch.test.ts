import { describe, expect, test } from "vitest";
import { blockedError } from "../../../src/backup/lock-watch.ts";
import type { LockWait } from "../../../src/postgres/lock-waits.ts";

const wait: LockWait = {
  waiting: 100,
  relation: "public.orders",
  blocker: 4711,
  blockerUser: "deploy",
  blockerApplication: "rails",
  blockerState: "idle in transaction",
};

describe("blockedError", () => {
  test.each([
    {
      name: "all is known",
      wait,
      message:
        "waited 30 s for public.orders, which process 4711 (user deploy, rails, idle in transaction) keeps locked",
    },
    {
      name: "the blocker is another role's session, of which the server shows nothing",
      wait: { ...wait, blockerUser: null, blockerApplication: null, blockerState: null },
      message: "waited 30 s for public.orders, which process 4711 keeps locked",
    },
    {
      name: "an application without a name",
      wait: { ...wait, blockerApplication: "" },
      message:
        "waited 30 s for public.orders, which process 4711 (user deploy, idle in transaction) keeps locked",
    },
    {
      name: "no relation",
      wait: { ...wait, relation: null, blockerUser: null, blockerApplication: null, blockerState: null },
      message: "waited 30 s for a lock, which process 4711 keeps locked",
    },
    {
      name: "a name with a line break stays one line",
      wait: {
        ...wait,
        relation: "public.or\nders",
        blockerUser: null,
        blockerApplication: null,
        blockerState: null,
      },
      message: "waited 30 s for public.or ders, which process 4711 keeps locked",
    },
    { name: "nobody could look", wait: undefined, message: "waited 30 s for a lock on a table" },
  ])("$name", ({ wait, message }) => {
    const error = blockedError(wait, 30_000);
    expect(error.message).toBe(message);
    expect(error.exit).toBe("failed");
  });
});
