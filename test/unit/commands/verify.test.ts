import { describe, expect, test } from "vitest";
import {
  describeFinding,
  describeLast,
  describeVerified,
  verifiedMark,
} from "../../../src/commands/verify/describe.ts";
import { judged, notRun, tryToKeep, type VerifyRun } from "../../../src/commands/verify/keep-result.ts";
import { DataopsError, type ExitName } from "../../../src/errors.ts";
import { Findings } from "../../../src/repository/findings.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import { collectingReporter } from "../../support/scratch.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import {
  readVerification,
  serializeVerification,
  withResult,
  type VerificationResult,
} from "../../../src/repository/verification.ts";

const STARTED = Date.parse("2026-11-21T04:00:00Z");
const RUN: VerifyRun = {
  id: "20261121T040000Z-aaaaaa",
  kind: "read",
  started: STARTED,
  now: () => STARTED + 12_000,
};
const BACKUP = { database: "production", id: "20261121T000000Z-k3v9qa" };

function findingsOf(count: number): Findings {
  const findings = new Findings();
  for (let number = 0; number < count; number += 1) {
    findings.add({
      object: `packs/${number}.pack`,
      offset: 3,
      table: "public.a\nb",
      range: { from: "0,0", to: null },
      what: "is bad",
    });
  }
  return findings;
}

describe("a result", () => {
  const measured = {
    remarks: ["one\nremark"],
    bytesRead: 1_200_000,
    restoreTime: 243_000,
    serverVersion: "18.4",
  };

  test.for([
    [
      "passed",
      judged(RUN, new Findings(), measured),
      { state: "passed", exit: "done", remarks: ["one remark"] },
    ],
    ["failed", judged(RUN, findingsOf(250)), { state: "failed", exit: "corrupt", findingsInAll: 250 }],
    [
      "not run",
      notRun(RUN, new DataopsError("unreachable", "no route")),
      { state: "not-run", exit: "unreachable", message: "no route" },
    ],
    [
      "not run for a bug",
      notRun(RUN, new TypeError("x is no function")),
      { state: "not-run", exit: "failed" },
    ],
  ] as const)("that it %s can be kept, and says so", ([, result, expected]) => {
    expect(result).toMatchObject({
      run: RUN.id,
      kind: "read",
      ended: "2026-11-21T04:00:12.000Z",
      ...expected,
    });
    expect(() => serializeVerification(withResult(undefined, BACKUP.id, result))).not.toThrow();
  });

  test("is told in a line, and its findings below", () => {
    const read = judged(RUN, new Findings(), {
      ...measured,
      restoreTime: null,
      serverVersion: null,
      remarks: [],
    });
    expect(describeVerified({ ...BACKUP, result: read })).toBe(
      "verified 20261121T000000Z-k3v9qa of production: every byte of it is right, 1.2 MB read in 12 s",
    );
    const restored = judged({ ...RUN, kind: "restore" }, new Findings(), measured);
    expect(describeVerified({ ...BACKUP, result: restored }).split("\n")).toEqual([
      "verified 20261121T000000Z-k3v9qa of production: restored in 4 min 3 s into PostgreSQL 18.4, every row is right, 1.2 MB read, 12 s in all",
      "  one remark",
    ]);
    const lines = describeVerified({ ...BACKUP, result: judged(RUN, findingsOf(250)) }).split("\n");
    expect(lines).toHaveLength(22);
    expect(lines.slice(0, 2)).toEqual([
      "20261121T000000Z-k3v9qa of production is damaged: 250 findings",
      "  packs/0.pack, byte 3: public.a b from (0,0) to its end: is bad",
    ]);
    expect(lines.at(-1)).toBe("  and 230 findings more");
  });
});

test("who may only read the storage is warned, and has verified all the same", async () => {
  const folder = await temporaryFolder("verify");
  const storage = openFileStorage(folder);
  const { reporter, warnings } = collectingReporter();
  const { signal } = new AbortController();
  const verified = { ...BACKUP, result: judged(RUN, new Findings()) };
  const denied = new StorageError("not-permitted", "no grant to write");
  const readOnly = { ...storage, create: () => Promise.reject(denied) };
  expect(await tryToKeep(readOnly, verified, { reporter, signal })).toBe(false);
  expect(warnings).toEqual([expect.stringMatching(/could not be kept in the storage: no grant to write/)]);
  expect(await tryToKeep(storage, verified, { reporter, signal })).toBe(true);
  expect((await readVerification(storage, BACKUP))?.results).toEqual([verified.result]);
});

test("a finding about no object", () => {
  const finding = {
    object: null,
    offset: null,
    length: null,
    table: "public.a\u001B[2J",
    range: null,
    what: "has 1 row",
  };
  expect(describeFinding(finding)).toBe("public.a\\u{1b}[2J: has 1 row");
});

type State = VerificationResult["state"];

function last(ran?: State, later?: "not-run") {
  const result = (state: State): VerificationResult => {
    if (state === "not-run")
      return notRun(RUN, new DataopsError("unreachable" satisfies ExitName, "no route"));
    return judged(RUN, findingsOf(state === "failed" ? 1 : 0));
  };
  return {
    ran: ran === undefined ? undefined : result(ran),
    notRun: later === undefined ? undefined : result(later),
  };
}

test.for([
  ["-", last(), last()],
  ["read", last("passed"), last()],
  ["restored", last(), last("passed")],
  ["restored", last("passed"), last("passed", "not-run")],
  ["FAILED", last("failed"), last("passed")],
  ["FAILED", last("passed"), last("failed", "not-run")],
  ["not run", last(), last(undefined, "not-run")],
] as const)("%s in a list", ([mark, read, restore]) => {
  expect(verifiedMark(read, restore)).toBe(mark);
});

test.for([
  [undefined, last()],
  ["passed 1 h 0 min ago", last("passed")],
  [
    "FAILED 1 h 0 min ago, 1 finding: packs/0.pack, byte 3: public.a b from (0,0) to its end: is bad",
    last("failed"),
  ],
  ["passed 1 h 0 min ago; could not run 1 h 0 min ago: no route", last("passed", "not-run")],
] as const)("%s", ([line, verification]) => {
  expect(describeLast(verification, STARTED + 12_000 + 3_600_000)).toBe(line);
});
