import { describe, expect, test } from "vitest";
import { DataopsError } from "../../../src/errors.ts";
import { attempt, exitOf, fail, ok, renderFindings, warn } from "../../../src/commands/doctor/finding.ts";
import { judgeSource, judgeTarget } from "../../../src/commands/doctor/database.ts";
import { judgeDisk, judgeNode, judgeProgram } from "../../../src/commands/doctor/machine.ts";
import { exampleManifest } from "../../support/manifests.ts";

const unreachable = fail("storage", new DataopsError("unreachable", "no answer", { hint: "look" }));
const tooOld = fail("node", new DataopsError("tool", "too old"));

describe("exitOf", () => {
  test.each([
    { name: "all well", findings: [ok("a", "")], exit: "done" },
    { name: "something to look at", findings: [ok("a", ""), warn("b", "", "do")], exit: "warnings" },
    {
      name: "the first failure, not the last",
      findings: [warn("a", "", "do"), unreachable, tooOld],
      exit: "unreachable",
    },
  ])("$name: $exit", ({ findings, exit }) => {
    expect(exitOf(findings)).toBe(exit);
  });
});

describe("renderFindings", () => {
  test("has a line for each finding, and its hint below", () => {
    expect(
      renderFindings([ok("node", "24"), warn("database x", "odd", "look at it"), unreachable, tooOld]),
    ).toBe(
      [
        "ok    node        24",
        "warn  database x  odd",
        "                  hint: look at it",
        "fail  storage     no answer",
        "                  hint: look",
        "fail  node        too old",
        "",
        "1 ok, 1 to look at, 2 failed",
      ].join("\n"),
    );
  });
});

describe("attempt", () => {
  const { signal } = new AbortController();

  test("turns an expected failure into a finding with its exit and hint", async () => {
    const check = (): Promise<never> =>
      Promise.reject(new DataopsError("notPermitted", "no", { hint: "ask" }));
    expect(await attempt("storage", signal, check)).toEqual([
      { status: "fail", subject: "storage", message: "no", hint: "ask", exit: "notPermitted" },
    ]);
  });

  test("lets a bug through", async () => {
    await expect(attempt("storage", signal, () => Promise.reject(new TypeError("a bug")))).rejects.toThrow(
      TypeError,
    );
  });

  test("lets an abort through, whatever the failure it caused", async () => {
    const check = (): Promise<never> => Promise.reject(new DataopsError("unreachable", "connection closed"));
    const reason = new DataopsError("interrupted", "interrupted");
    await expect(attempt("storage", AbortSignal.abort(reason), check)).rejects.toBe(reason);
  });
});

describe("judgeNode", () => {
  test.each([
    ["24.0.0", "ok"],
    ["25.1.0", "ok"],
    ["22.20.0", "fail"],
    ["9.0.0", "fail"],
  ])("%s: %s", (version, status) => {
    expect(judgeNode(version).status).toBe(status);
  });
});

describe("judgeProgram", () => {
  test.each([
    { major: 15, minor: 20, status: "ok" },
    { major: 15, minor: 19, status: "warn" },
    { major: 13, minor: 99, status: "warn" },
    { major: 19, minor: 0, status: "ok" },
  ])("$major.$minor: $status", ({ major, minor, status }) => {
    const found = judgeProgram({ major, minor, version: `${major}.${minor}`, directory: "/bin" });
    expect(found).toMatchObject({ status, message: expect.stringContaining(`${major}.${minor} in /bin`) });
  });
});

describe("judgeDisk", () => {
  test("needs room for the archive and for what it decompresses to", () => {
    const archive = { size: 30, rawSize: 70 };
    expect(judgeDisk("/cache", 99, archive).status).toBe("warn");
    expect(judgeDisk("/cache", 100, archive).status).toBe("ok");
    expect(judgeDisk("/cache", 0, undefined).status).toBe("ok");
  });
});

const connection = {
  host: "db",
  port: 5432,
  user: "app",
  password: undefined,
  database: "app",
  connectTimeout: 10,
  tls: { mode: "prefer", rootCertificate: undefined, certificate: undefined, key: undefined },
  origin: "databases.x.url",
} as const;
const client = { major: 15, minor: 20, version: "15.20", directory: "/usr/lib/postgresql/15/bin" };
const source = exampleManifest().source;

describe("judgeSource", () => {
  const database = { name: "production", environment: "production", connection };
  const facts = { isSuperuser: false, stamp: undefined, source: { ...source, serverVersionNumber: 150_020 } };
  const check = { database, installed: [client] };

  test.each([
    { name: "as it should be", exit: "done" },
    { name: "a superuser", change: { isSuperuser: true }, exit: "warnings" },
    { name: "a pooler", pooler: true, exit: "refused" },
    {
      name: "a server newer than the client",
      change: { source: { ...source, serverVersionNumber: 180_004 } },
      exit: "tool",
    },
    { name: "its stamp", change: { stamp: "production" }, exit: "done" },
    { name: "another stamp", change: { stamp: "staging" }, exit: "refused" },
  ])("$name: $exit", ({ change, pooler, exit }) => {
    expect(exitOf(judgeSource("database production", { ...facts, ...change }, pooler ?? false, check))).toBe(
      exit,
    );
  });
});

describe("judgeTarget", () => {
  const database = { name: "local", environment: "development", connection };
  const manifest = exampleManifest();
  const latest = {
    ...manifest,
    tools: { pgDump: "15.20", pgRestore: "15.20" },
    source: {
      ...manifest.source,
      extensions: [
        { name: "plpgsql", version: "1.0", schema: "pg_catalog", used: true },
        { name: "hstore", version: "1.8", schema: "public", used: true },
        { name: "aws_s3", version: "1.1", schema: "public", used: false },
      ],
    },
  };
  const facts = {
    isSuperuser: false,
    canCreateDatabase: true,
    stamp: undefined,
    role: "me",
    source: { ...source, serverVersionNumber: 150_020 },
  };
  const check = {
    database,
    installed: [client],
    latest,
    pooler: false,
    available: new Set(["plpgsql", "hstore"]),
    skipExtensions: [] as readonly string[],
  };

  test.each([
    { name: "as it should be", exit: "done" },
    { name: "may not create databases", facts: { canCreateDatabase: false }, exit: "notPermitted" },
    { name: "lacks an extension in use", check: { available: new Set(["plpgsql"]) }, exit: "refused" },
    {
      name: "lacks one, and does without",
      check: { available: new Set(["plpgsql"]), skipExtensions: ["hstore"] },
      exit: "done",
    },
    {
      name: "has only a vulnerable client",
      check: { installed: [{ ...client, minor: 1 }] },
      exit: "warnings",
    },
    { name: "has no client", check: { installed: [] }, exit: "tool" },
    { name: "is stamped production", facts: { stamp: "production" }, exit: "refused" },
    { name: "behind a pooler", check: { pooler: true }, exit: "warnings" },
    { name: "no backup known", check: { latest: undefined, installed: [] }, exit: "done" },
  ])("$name: $exit", ({ facts: otherFacts, check: otherCheck, exit }) => {
    expect(
      exitOf(judgeTarget("database local", { ...facts, ...otherFacts }, { ...check, ...otherCheck })),
    ).toBe(exit);
  });
});
