import { describe, expect, test } from "vitest";
import {
  describeAborted,
  describeOwnDriver,
  describeReindexStatus,
  describeRollback,
} from "../../../src/commands/reindex-text.ts";
import type { ListedIndex, ReindexStatus } from "../../../src/reindex/status.ts";
import type { JobFacts, RunFacts } from "../../../src/status/facts.ts";

const NOW = Date.parse("2026-11-21T06:00:00.000Z");

function index(name: string, created: string): ListedIndex {
  return { name, documents: 8_000, bytes: 1_200_000, created };
}

const CURRENT = index("products-b", "2026-11-21T03:48:00.000Z");
const KEPT = index("products-a", "2026-11-20T03:00:00.000Z");
const HALF = { documents: 8_000, documentsSettled: 2_999, updated: "2026-11-21T05:59:56.000Z" };

function status(changes: Partial<ReindexStatus>): ReindexStatus {
  return { alias: "products", kind: "alias", current: [CURRENT], kept: [], unfinished: [], ...changes };
}

function unfinished(progress: typeof HALF | null): ReindexStatus["unfinished"] {
  return [{ ...index("products-c", "2026-11-21T05:50:00.000Z"), run: "c", progress }];
}

function jobOf(runs: readonly Partial<RunFacts>[]): JobFacts {
  const run: RunFacts = {
    id: "20261121T055000Z-aaaaaa",
    state: "running",
    started: "2026-11-21T05:50:00.000Z",
    ended: null,
    exit: null,
    message: null,
    heldUntil: "2026-11-21T06:00:20.000Z",
  };
  return { kind: "reindex", name: "products", runs: runs.map((one) => ({ ...run, ...one })), unreadable: [] };
}

const FAILED: Partial<RunFacts> = {
  id: "20261121T050000Z-bbbbbb",
  state: "failed",
  ended: "2026-11-21T05:30:00.000Z",
  exit: "reindexFailed",
  message: "the engine refused 1 document",
};

describe("the status of an index", () => {
  test.each<[name: string, ReindexStatus, JobFacts | undefined, string[]]>([
    [
      "all is well",
      status({ kept: [KEPT] }),
      undefined,
      [
        "products stands for products-b: 8,000 documents, 1.2 MB, begun 2 h 12 min ago",
        "  kept        products-a: 8,000 documents, 1.2 MB, begun 1 d 3 h ago",
      ],
    ],
    [
      "a run is at work, and the one before failed",
      status({ unfinished: unfinished(HALF) }),
      jobOf([{}, FAILED]),
      [
        "products stands for products-b: 8,000 documents, 1.2 MB, begun 2 h 12 min ago",
        "  unfinished  products-c: 2,999 of 8,000 documents (37 %), as of 4.0 s ago; a run is at work",
        "  at work     20261121T055000Z-aaaaaa, for 10 min 0 s",
        "  last run    failed 30 min 0 s ago: the engine refused 1 document",
      ],
    ],
    [
      "a run was killed",
      status({ kind: "free", current: [], unfinished: unfinished(null) }),
      jobOf([{ heldUntil: null }]),
      [
        "products stands for nothing, searches do not find it: `dataops reindex products` builds it",
        "  unfinished  products-c: nothing is known of how far it came; no run is at work: `dataops reindex products` goes on with it, `dataops reindex abort products` deletes it",
        "  last run    lost 10 min 0 s ago",
      ],
    ],
    [
      "an index has the name",
      status({ kind: "index", current: [] }),
      undefined,
      [
        "products is an index, not an alias: `dataops reindex products --adopt` builds a new one, and deletes this one in the step that makes the alias",
      ],
    ],
  ])("%s", (_, given, job, expected) => {
    expect(describeReindexStatus(given, job, NOW).split("\n")).toEqual(expected);
  });

  test("that an application builds is that of its runs", () => {
    expect(describeOwnDriver("products", jobOf([FAILED]), NOW).split("\n")).toEqual([
      "products is built by your own application, which knows more",
      "  last run    failed 30 min 0 s ago: the engine refused 1 document",
    ]);
  });
});

test("a rollback says the way back", () => {
  expect(describeRollback("products", { from: ["products-b"], to: ["products-a"] })).toBe(
    "products stands for products-a now, no more for products-b, which is kept; what was written since is not in it\n" +
      "`dataops reindex rollback products --to products-b` would take that back",
  );
});

test("an abort says what it deleted, and what it did not touch", () => {
  expect(describeAborted("products", { removed: ["products-c"] })).toBe(
    "deleted products-c, which was never finished: the next reindex of products starts anew; what searches use was not touched",
  );
  expect(describeAborted("products", { removed: [] })).toBe(
    "nothing of products is unfinished: nothing was deleted",
  );
});
