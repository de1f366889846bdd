import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { verificationKey } from "../../../src/repository/keys.ts";
import {
  findingText,
  keepResult,
  lastVerification,
  parseVerification,
  readVerification,
  serializeVerification,
  withResult,
  type Verification,
  type VerificationResult,
} from "../../../src/repository/verification.ts";
import { openFileStorage } from "../../../src/storage/file.ts";

const BACKUP = { database: "production", id: "20261121T040000Z-aaaaaa" };

/** A result of the day of this number in November. */
function result(day: number, changes: Partial<VerificationResult> = {}): VerificationResult {
  return {
    run: `202611${day}T050000Z-bbbbbb`,
    kind: "read",
    state: "passed",
    started: `2026-11-${day}T05:00:00.000Z`,
    ended: `2026-11-${day}T05:01:00.000Z`,
    dataopsVersion: "0.1.0",
    exit: "done",
    message: null,
    remarks: [],
    bytesRead: 12_345,
    findings: [],
    findingsInAll: 0,
    restoreTime: null,
    serverVersion: null,
    ...changes,
  };
}

const FAILED = {
  state: "failed",
  exit: "corrupt",
  findings: [
    {
      object: "production/packs/20261121T040000Z-aaaaaa-1.pack",
      offset: 7,
      length: 9,
      table: "public.orders",
      range: { from: "0,0", to: null },
      what: "is not what its index says",
    },
  ],
  findingsInAll: 1,
} as const satisfies Partial<VerificationResult>;
const NOT_RUN = {
  state: "not-run",
  exit: "unreachable",
  message: "cannot reach staging",
} as const satisfies Partial<VerificationResult>;
const RESTORED = {
  kind: "restore",
  restoreTime: 90_000,
  serverVersion: "18.4",
} as const satisfies Partial<VerificationResult>;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dataops-verification-"));
});
afterEach(() => rm(folder, { recursive: true }));

function verificationOf(...results: VerificationResult[]): Verification {
  let verification: Verification | undefined;
  for (const each of results) verification = withResult(verification, BACKUP.id, each);
  if (verification === undefined) throw new Error("no results");
  return verification;
}

test("what is kept reads back as it was written", async () => {
  const storage = openFileStorage(folder);
  expect(await readVerification(storage, BACKUP)).toBeUndefined();
  await keepResult(storage, BACKUP, result(20, FAILED));
  await keepResult(storage, BACKUP, result(21, RESTORED));
  const verification = await readVerification(storage, BACKUP);
  expect(verification?.results.map(({ run }) => run)).toEqual([
    "20261121T050000Z-bbbbbb",
    "20261120T050000Z-bbbbbb",
  ]);
  expect(lastVerification(verification, "read").ran).toEqual(result(20, FAILED));
  expect(lastVerification(verification, "restore").ran).toEqual(result(21, RESTORED));
});

test.for([
  {
    name: "a read leaves the last restore",
    results: [result(20, RESTORED), result(21)],
    kept: ["read passed 21", "restore passed 20"],
  },
  {
    name: "the last one of a kind replaces the one before",
    results: [result(20), result(21, FAILED)],
    kept: ["read failed 21"],
  },
  {
    name: "one that could not run leaves the last one that did",
    results: [result(20), result(21, NOT_RUN)],
    kept: ["read not-run 21", "read passed 20"],
  },
  {
    name: "one that could not run replaces only another such",
    results: [result(19), result(20, NOT_RUN), result(21, NOT_RUN)],
    kept: ["read not-run 21", "read passed 19"],
  },
  {
    name: "one that ran ends the ones that could not",
    results: [result(19), result(20, NOT_RUN), result(21)],
    kept: ["read passed 21"],
  },
  {
    name: "all four at once",
    results: [
      result(18),
      result(19, { ...RESTORED, ...FAILED }),
      result(20, NOT_RUN),
      result(21, { ...NOT_RUN, kind: "restore" }),
    ],
    kept: ["restore not-run 21", "read not-run 20", "restore failed 19", "read passed 18"],
  },
])("$name", ({ results, kept }) => {
  const verification = verificationOf(...results);
  expect(
    verification.results.map(({ kind, state, started }) => `${kind} ${state} ${started.slice(8, 10)}`),
  ).toEqual(kept);
  expect(parseVerification(serializeVerification(verification), "here")).toEqual(verification);
});

test.for([
  ["a format of the future", { format: 2 }],
  ["a key more", { more: 1 }],
  ["passed, and yet a finding", { results: [result(20, { ...FAILED, state: "passed", exit: "done" })] }],
  ["failed, and nothing found", { results: [result(20, { state: "failed", exit: "corrupt" })] }],
  ["not run, and nobody knows why", { results: [result(20, { ...NOT_RUN, message: null })] }],
  ["passed with another exit", { results: [result(20, { exit: "unreachable" })] }],
  ["more findings than it says", { results: [result(20, { ...FAILED, findingsInAll: 2 })] }],
  ["more results than there are kinds", { results: Array.from({ length: 5 }, () => result(20)) }],
  ["an exit that there is not", { results: [{ ...result(20), exit: "fine" }] }],
] as const)("%s is refused", ([, changes]) => {
  const content = Buffer.from(JSON.stringify({ ...verificationOf(result(20)), ...changes }));
  expect(() => parseVerification(content, "here")).toThrow("here is not the result of a verification");
});

test("one of another backup is not taken for this one's", async () => {
  const storage = openFileStorage(folder);
  const other = { ...verificationOf(result(20)), backup: "20261120T040000Z-cccccc" };
  await storage.put(verificationKey(BACKUP.database, BACKUP.id), serializeVerification(other));
  await expect(readVerification(storage, BACKUP)).rejects.toMatchObject({ exit: "corrupt" });
});

test("what cannot be read is replaced", async () => {
  const storage = openFileStorage(folder);
  await storage.put(verificationKey(BACKUP.database, BACKUP.id), Buffer.from("{"));
  await keepResult(storage, BACKUP, result(20));
  expect(lastVerification(await readVerification(storage, BACKUP), "read").ran).toEqual(result(20));
});

test("of two that end at once neither is lost", async () => {
  const storage = openFileStorage(folder);
  await Promise.all([
    keepResult(storage, BACKUP, result(20)),
    keepResult(storage, BACKUP, result(21, RESTORED)),
  ]);
  expect((await readVerification(storage, BACKUP))?.results).toHaveLength(2);
});

test("a finding's text is one line, and not too long", () => {
  expect(findingText("a\nb\t c")).toBe("a b c");
  expect(findingText("x".repeat(5000))).toHaveLength(2000);
});
