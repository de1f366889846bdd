import { describe, expect, test } from "vitest";
import { renderStatus } from "../../../src/commands/status/render.ts";
import type { Display } from "../../../src/observe/display.ts";
import { visibleLength } from "../../../src/observe/display.ts";
import type { DatabaseFacts } from "../../../src/status/facts.ts";
import { judge } from "../../../src/status/judge.ts";
import type { DatabaseStatus } from "../../../src/status/read-status.ts";
import { EXPECTED } from "../../support/judgements.ts";
import {
  backupJob,
  exampleBackup,
  exampleFacts,
  exampleRun,
  exampleVerification,
  NOW,
} from "../../support/status-facts.ts";

const DISPLAY: Display = { columns: 80, unicode: true, color: false, timeZone: "Europe/Berlin" };

function statusOf(changes: Partial<DatabaseFacts> = {}): DatabaseStatus {
  const facts = exampleFacts(changes);
  const { database } = facts;
  return {
    database,
    expected: EXPECTED,
    facts,
    findings: judge(facts, EXPECTED, NOW),
    next: [{ job: { kind: "backup", name: database, database }, at: Date.parse("2026-11-21T16:00:00.000Z") }],
  };
}

/** 40 backups, each larger than the one before it, of all kinds. */
function longHistory(): Partial<DatabaseFacts> {
  const backups = Array.from({ length: 40 }, (_, index) =>
    exampleBackup(2 + index * 4, { size: (40 - index) * 1e8, duration: (1 + (index % 4)) * 30_000 }),
  );
  const [, second, , fourth] = backups;
  if (second === undefined || fourth === undefined) throw new Error("there are 40");
  return {
    total: 1_000,
    backups: backups.map((backup, index) => {
      if (index === 5) return { ...backup, state: "suspect", reasons: ["smaller"] };
      if (index === 8) return { ...backup, state: "unreadable", error: "is corrupt: is cut" };
      return backup;
    }),
    verifications: [
      exampleVerification(1, { backup: second.id, kind: "restore", restoreTime: 200_000 }),
      exampleVerification(9, { backup: fourth.id, state: "failed", message: "cut" }),
    ],
    jobs: [
      backupJob(
        exampleRun(0.1, { state: "running", ended: null, exit: null }),
        exampleRun(2, { state: "failed", exit: "tool", message: "no pg_dump of version 18 was found" }),
      ),
    ],
  };
}

describe("at a glance", () => {
  test("a line for each database, the last run, and what is next on the reader's clock and in UTC", () => {
    const staging: DatabaseStatus = {
      database: "staging",
      expected: undefined,
      facts: exampleFacts({ database: "staging", backups: [] }),
      findings: [],
      next: [],
    };
    const text = renderStatus([statusOf({ jobs: [backupJob(exampleRun(2))] }), staging], NOW, DISPLAY);
    expect(text).toBe(`\
ok        production  newest good backup 2 h 0 min old, 1.0 GB, 5 good of
                      5 backups, never verified
ok        staging     not backed up

production
  size: newest 1.0 GB, largest 1.0 GB
  █████
  █████
  █████
  21 Nov 11:00

  time: newest 1 min 0 s, longest 1 min 0 s
  █████
  █████
  █████
  21 Nov 11:00

  last  backup production  done 1 h 59 min ago, took 1 min 0 s
  next  backup production  Sat 21 Nov 17:00 +01:00 (16:00 UTC), in 4 h 0 min`);
  });

  test("no backup at all", () => {
    const text = renderStatus([statusOf({ backups: [], total: 0 })], NOW, DISPLAY);
    expect(text.split("\n").slice(0, 5)).toEqual([
      "critical  production  no backup",
      "",
      "production",
      "  critical  there is no backup",
      "            hint: make one: `dataops backup production`, or check that the",
    ]);
  });
});

describe("the history", () => {
  test("in a wide terminal: charts side by side, suspects, unreadable ones and verifications marked", () => {
    const text = renderStatus([statusOf(longHistory())], NOW, { ...DISPLAY, columns: 140 });
    const lines = text.split("\n");
    const start = lines.findIndex((line) => line.startsWith("  size: "));
    expect(lines.slice(start, start + 7)).toEqual([
      "  size: newest 4.0 GB, largest 4.0 GB         time: newest 30 s, longest 2 min 0 s",
      "                             ▁▁▂▃ ▄▄▅▆▆▇▇█    █▂  █▂  █▂  █▂  █▂  █▂  █▂  █▂  █▂  █▂",
      "                ▁▂▂▃▃▄▅▅▆▆▇██████ ████████    ██▄ ██▄ ██▄ ██▄ ██▄ ██▄ ██▄ ██▄ ██▄ ██▄",
      "  ▁▁▂▂▃▄▄▅▅▆▇▇███████████████████ ████████    ███▆███▆███▆███▆███▆███▆███▆███ ███▆███▆",
      "                                 !  ? ✗ ✓                                    !  ? ✗ ✓",
      "  14 Nov 23:00                21 Nov 11:00    14 Nov 23:00                21 Nov 11:00",
      "  ! unreadable   ? suspect   ✗ failed its verification   ✓ verified",
    ]);
  });

  test.each([60, 80, 140])("in %i columns no line is longer", (columns) => {
    const text = renderStatus([statusOf(longHistory())], NOW, { ...DISPLAY, columns, color: true });
    for (const line of text.split("\n")) expect(visibleLength(line), line).toBeLessThanOrEqual(columns);
  });

  test("without Unicode there is nothing but ASCII, with the same marks", () => {
    const text = renderStatus([statusOf(longHistory())], NOW, { ...DISPLAY, unicode: false });
    // eslint-disable-next-line no-control-regex -- all of ASCII
    expect(text).toMatch(/^[\x00-\x7F]*$/);
    expect(text).toContain("x failed its verification   v verified");
    expect(text).toMatch(/##########/);
  });

  test("colours where they can be shown, and never where they cannot", () => {
    const statuses = [statusOf(longHistory())];
    expect(renderStatus(statuses, NOW, { ...DISPLAY, color: true })).toContain(
      "\u001B[33mwarning\u001B[39m   production",
    );
    expect(renderStatus(statuses, NOW, DISPLAY)).not.toContain("\u001B");
  });
});

describe("runs", () => {
  test("one that is under way, and how the one before it ended", () => {
    const lines = renderStatus([statusOf(longHistory())], NOW, DISPLAY).split("\n");
    const start = lines.findIndex((line) => line.startsWith("  last  "));
    expect(lines.slice(start, start + 3)).toEqual([
      "  last  backup production  running, for 6 min 0 s; before that: failed 1 h",
      "                           59 min ago, took 1 min 0 s: no pg_dump of version",
      "                           18 was found",
    ]);
  });

  test("how many before it ended badly", () => {
    const runs = (["done", "lost", "done", "failed", "lost"] as const).map((state, index) =>
      exampleRun(2 + index, { state }),
    );
    const lines = renderStatus([statusOf({ jobs: [backupJob(...runs)] })], NOW, DISPLAY).split("\n");
    expect(lines.slice(-3, -1)).toEqual([
      "  last  backup production  done 1 h 59 min ago, took 1 min 0 s; of the 4 before",
      "                           it 2 lost, 1 failed",
    ]);
  });

  test("one that nobody has written down as lost yet", () => {
    const dead = exampleRun(3, { state: "running", ended: null, exit: null, heldUntil: null });
    expect(renderStatus([statusOf({ jobs: [backupJob(dead)] })], NOW, DISPLAY)).toContain(
      "  last  backup production  lost, begun 3 h 0 min ago",
    );
  });
});
