import { readdir } from "node:fs/promises";
import { describe, expect, onTestFinished } from "vitest";
import type { Finding } from "../../src/commands/doctor/finding.ts";
import { ESCAPE, expectOnlyJsonLines } from "../support/command-line.ts";
import { test, type Dataops } from "../support/e2e-test.ts";
import { freePort } from "../support/ports.ts";
import { urlFor } from "../support/postgres-servers.ts";
import { createDatabase, runAsSuperuser, uniqueName, type TestDatabase } from "../support/postgres-test.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const SENTINEL = "wr0ng@:/#%&'$";
const SEEN_SENTINEL = /wr0ng/;

describe("doctor", () => {
  test("finds nothing to say where everything is right, and leaves nothing behind", async ({
    database,
    dataops,
  }) => {
    const { storage, environment } = await wellConfigured(database);
    const made = await dataops.run(["backup"], { environment });
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const before = await readdir(storage, { recursive: true });

    const { code, findings, text } = await examine(dataops, environment);
    expect(findings.filter(({ status }) => status === "fail")).toEqual([]);
    // Clients below the security floor are the machine's matter.
    const warned = findings.filter(({ status }) => status === "warn");
    expect(
      warned.every(({ message }) => message.includes("known holes")),
      text,
    ).toBe(true);
    expect(code).toBe(warned.length === 0 ? 0 : 3);
    expect(new Set(findings.map(({ subject }) => subject))).toEqual(
      new Set([
        "node",
        "pg_dump, pg_restore",
        "configuration",
        "storage",
        "latest backup",
        "cache",
        "database production",
        "database local",
      ]),
    );
    expect(await readdir(storage, { recursive: true })).toEqual(before);
  });

  test("warns of what is not there yet, and of a superuser", async ({ database, dataops }) => {
    const { environment } = await wellConfigured(database);
    const { code, findings } = await examine(dataops, {
      ...environment,
      DATABASE_URL: urlFor(database.server, database.name),
      LOCAL_DATABASE_URL: urlFor(database.server, uniqueName("missing")),
    });
    expect(code).toBe(3);
    const warned = findings.filter(({ status }) => status === "warn").map(({ subject }) => subject);
    expect(warned).toEqual(
      expect.arrayContaining(["latest backup", "database production", "database local"]),
    );
  });

  test("a database that cannot be reached, and the rest is examined all the same", async ({
    database,
    dataops,
  }) => {
    const { environment } = await wellConfigured(database);
    const port = await freePort();
    const { code, findings, text } = await examine(dataops, {
      ...environment,
      DATABASE_URL: `postgres://someone:${encodeURIComponent(SENTINEL)}@127.0.0.1:${port}/app`,
    });
    expect(code).toBe(16);
    expectFailure(findings, "database production", "unreachable", String(port));
    expect(findings).toContainEqual(expect.objectContaining({ subject: "database local", status: "ok" }));
    expect(findings).toContainEqual(expect.objectContaining({ subject: "storage", status: "ok" }));
    expect(text).not.toMatch(SEEN_SENTINEL);
  });

  test("a wrong password", async ({ database, dataops }) => {
    const { environment } = await wellConfigured(database);
    const { code, findings, text } = await examine(dataops, {
      ...environment,
      LOCAL_DATABASE_URL: urlFor(database.server, database.name, { password: SENTINEL }),
    });
    expect(code).toBe(12);
    expectFailure(findings, "database local", "notPermitted", "password");
    expect(text).not.toMatch(SEEN_SENTINEL);
  });

  test("a role that may not create the scratch database", async ({ database, dataops }) => {
    const { environment } = await wellConfigured(database);
    const { code, findings } = await examine(dataops, {
      ...environment,
      LOCAL_DATABASE_URL: environment["DATABASE_URL"] ?? "",
    });
    expect(code).toBe(12);
    expectFailure(findings, "database local", "notPermitted", "may not create databases");
  });

  test("a stamp that says otherwise than the configuration", async ({ database, dataops }) => {
    const { local, environment } = await wellConfigured(database);
    await runAsSuperuser(
      database.server,
      `ALTER DATABASE ${local.name} SET dataops.environment = 'production'`,
    );
    const { code, findings } = await examine(dataops, environment);
    expect(code).toBe(13);
    expectFailure(findings, "database local", "refused", "stamped production, and configured as development");
  });

  test("a storage that cannot be reached", async ({ database, dataops }) => {
    const { environment } = await wellConfigured(database);
    const { code, findings, text } = await examine(dataops, {
      ...environment,
      DATAOPS_STORAGE: "s3://bucket/prefix",
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${await freePort()}`,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "someone",
      AWS_SECRET_ACCESS_KEY: SENTINEL,
    });
    expect(code).toBe(16);
    expectFailure(findings, "storage", "unreachable", "bucket");
    expect(findings).toContainEqual(expect.objectContaining({ subject: "database local", status: "ok" }));
    expect(text).not.toMatch(SEEN_SENTINEL);
  });

  test("a configuration that is not valid", async ({ dataops }) => {
    const { code, findings } = await examine(dataops, {}, { storge: "s3://bucket" });
    expect(code).toBe(2);
    expectFailure(findings, "configuration", "usage", "did you mean storage?");
  });

  test("a machine where nothing is configured", async ({ dataops }) => {
    const { code, findings } = await examine(dataops, {});
    expect(code).toBe(2);
    expectFailure(findings, "storage", "usage", "no storage is configured");
  });
});

/** Runs doctor for people and for programs, which are told the same. */
async function examine(
  dataops: Dataops,
  environment: Record<string, string>,
  config?: Record<string, unknown>,
): Promise<{ code: number | null; findings: Finding[]; text: string }> {
  const [told, json] = await Promise.all([
    dataops.run(["doctor"], { environment, config }),
    dataops.run(["doctor", "--json"], { environment, config }),
  ]);
  expect(told.code, told.stdout + told.stderr).toBe(json.code);
  expectOnlyJsonLines(json);
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the tests look at
  const { findings } = json.json() as { findings: Finding[] };
  for (const { status, subject } of findings)
    expect(told.stdout).toMatch(new RegExp(`^${status} +${subject} `, "m"));
  const counts = (["ok", "warn", "fail"] as const).map(
    (status) => findings.filter((finding) => finding.status === status).length,
  );
  expect(told.stdout).toMatch(
    new RegExp(`^${counts[0]} ok, ${counts[1]} to look at, ${counts[2]} failed\\n$`, "m"),
  );
  const text = [told, json].map(({ stdout, stderr }) => stdout + stderr).join("");
  expect(text).not.toMatch(ESCAPE);
  return { code: told.code, findings, text };
}

function expectFailure(findings: readonly Finding[], subject: string, exit: string, message: string): void {
  const failed = findings.filter(({ status }) => status === "fail");
  expect(failed).toHaveLength(1);
  expect(failed[0]).toMatchObject({
    subject,
    exit,
    message: expect.stringContaining(message) as unknown,
    hint: expect.any(String) as unknown,
  });
}

/** Production read by a role that can do just that, a local database, and a folder for backups. */
async function wellConfigured(production: TestDatabase) {
  const { server, name } = production;
  await (await production.connect()).query("CREATE TABLE orders AS SELECT generate_series(1, 10) AS id");
  const reader = uniqueName("reader");
  await runAsSuperuser(server, `CREATE ROLE ${reader} LOGIN PASSWORD 'reader' IN ROLE pg_read_all_data`);
  onTestFinished(() => runAsSuperuser(server, `DROP ROLE ${reader}`));
  const local = await createDatabase(server);
  onTestFinished(() => local.drop());
  const storage = await temporaryFolder("storage");
  const environment: Record<string, string> = {
    DATABASE_URL: urlFor(server, name, { user: reader, password: "reader" }),
    LOCAL_DATABASE_URL: urlFor(server, local.name),
    DATAOPS_STORAGE: `file://${storage}`,
  };
  return { local, storage, environment };
}
