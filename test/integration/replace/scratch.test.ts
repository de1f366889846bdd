import { randomBytes } from "node:crypto";
import { describe, expect } from "vitest";
import type { ConnectionSettings } from "../../../src/config/connection.ts";
import { Secret } from "../../../src/config/secret.ts";
import { connect } from "../../../src/postgres/client.ts";
import { readServerFacts } from "../../../src/postgres/server-facts.ts";
import { makeBackupId } from "../../../src/repository/backup-id.ts";
import type { ManifestSource } from "../../../src/repository/manifest.ts";
import { scratchName, temporaryRoleName } from "../../../src/replace/scratch/names.ts";
import { dropDatabase } from "../../../src/replace/scratch/drop.ts";
import type { Scratch } from "../../../src/replace/scratch/scratch.ts";
import { followLog, settingsFor, startPostgres, SUPERUSER } from "../../support/postgres-servers.ts";
import { runAsSuperuser, test, uniqueName } from "../../support/postgres-test.ts";
import { collectingReporter, connectTo, leftBehind, scratchIn } from "../../support/scratch.ts";
import type { SharedPostgres } from "../../support/shared-servers.ts";

async function sourceLike(
  server: SharedPostgres,
  changes: Partial<ManifestSource> = {},
): Promise<ManifestSource> {
  await using client = await connectTo(server);
  return { ...(await readServerFacts(client)).source, ...changes };
}

async function roleIn(server: SharedPostgres, attributes: string): Promise<ConnectionSettings> {
  const user = uniqueName("role");
  const password = randomBytes(8).toString("hex");
  await runAsSuperuser(server, `CREATE ROLE ${user} ${attributes} LOGIN PASSWORD '${password}'`);
  return settingsFor(server, { user, password: new Secret(password) });
}

/** Who owns the database and everything in it but what belongs to the server. */
async function owners(server: SharedPostgres, database: string): Promise<string[]> {
  await using client = await connect(settingsFor(server, { database }), { applicationName: "test" });
  const rows = await client.query<{ owner: string }>(
    `SELECT DISTINCT pg_get_userbyid(owner) AS owner FROM (
       SELECT datdba FROM pg_database WHERE datname = current_database()
       UNION ALL SELECT relowner FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'v', 'S')
       UNION ALL SELECT proowner FROM pg_proc WHERE oid >= 16384
       UNION ALL SELECT nspowner FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'
       UNION ALL SELECT lomowner FROM pg_largeobject_metadata) found(owner)`,
  );
  return rows.map(({ owner }) => owner);
}

const CONTENT = `CREATE SCHEMA inner_part; CREATE TABLE inner_part.things (id serial); CREATE VIEW seen AS SELECT 1 AS one;
  CREATE FUNCTION one() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; SELECT lo_create(0)`;

async function fill(scratch: Scratch): Promise<void> {
  await using loader = await scratch.connectAsLoader();
  await loader.query(CONTENT);
}

describe("createScratch as a superuser", () => {
  async function expectBuiltAsNobody(server: SharedPostgres): Promise<void> {
    const target = uniqueName("shop");
    const runId = makeBackupId(Date.now());
    const owner = await roleIn(server, "");
    const log = await followLog(server);
    await using maintenance = await connectTo(server);
    {
      await using scratch = await scratchIn(maintenance, await sourceLike(server), {
        target,
        runId,
        owner: owner.user,
      });
      expect(scratch.name).toBe(scratchName(target, runId));
      expect(scratch.loader).toMatchObject({ user: temporaryRoleName(runId), database: scratch.name });
      expect(scratch.actAs).toBeUndefined();
      {
        await using loader = await scratch.connectAsLoader();
        const [who] = await loader.query(
          `SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, session_user = current_user AS itself,
             rolvaliduntil BETWEEN now() + '23 hours' AND now() + '25 hours' AS ends FROM pg_roles WHERE rolname = session_user`,
        );
        expect(who).toEqual({
          rolsuper: false,
          rolcreatedb: false,
          rolcreaterole: false,
          rolreplication: false,
          itself: true,
          ends: true,
        });
      }
      await fill(scratch);
      await expect(
        connect({ ...owner, database: scratch.name }, { applicationName: "test" }),
        "while it is built nobody may look in",
      ).rejects.toMatchObject({ exit: "notPermitted" });
      const password = scratch.loader.password?.reveal() ?? "";
      await scratch.handOver();

      expect(password).toHaveLength(43);
      expect(await log.read()).not.toContain(password);
      expect(await log.read()).toContain(`CREATE ROLE "${temporaryRoleName(runId)}"`);
      expect(await leftBehind(server, runId), "the role is gone").toEqual([scratch.name]);
      expect(await owners(server, scratch.name)).toEqual([owner.user]);
      const anyone = await roleIn(server, "");
      await using visitor = await connect({ ...anyone, database: scratch.name }, { applicationName: "test" });
      expect(await visitor.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    }
    expect(await leftBehind(server, runId), "nobody released it").toEqual([]);
  }

  test("loads as a role of its own, and hands over to the owner, PostgreSQL 15", ({ postgres15 }) =>
    expectBuiltAsNobody(postgres15));
  test("loads as a role of its own, and hands over to the owner, PostgreSQL 18", ({ postgres18 }) =>
    expectBuiltAsNobody(postgres18));

  test("drops nothing that was released", async ({ postgres15 }) => {
    const runId = makeBackupId(Date.now());
    await using maintenance = await connectTo(postgres15);
    {
      await using scratch = await scratchIn(maintenance, await sourceLike(postgres15), { runId });
      await fill(scratch);
      await scratch.handOver();
      scratch.release();
    }
    const [left] = await leftBehind(postgres15, runId);
    expect(left).toBe(scratchName("shop", runId));
    await dropDatabase(maintenance, left ?? "");
  });

  test("with asSuperuser it loads itself, and still all is handed over", async ({ postgres15 }) => {
    const owner = await roleIn(postgres15, "");
    const { reporter, warnings } = collectingReporter();
    await using maintenance = await connectTo(postgres15);
    await using scratch = await scratchIn(maintenance, await sourceLike(postgres15), {
      owner: owner.user,
      asSuperuser: true,
      reporter,
    });
    expect(warnings).toHaveLength(1);
    expect(scratch.loader.user).toBe(SUPERUSER);
    await fill(scratch);
    await scratch.handOver();
    expect(await owners(postgres15, scratch.name)).toEqual([owner.user]);
  });

  test("what the loader set for the database is not there for the next session", async ({ postgres15 }) => {
    await using maintenance = await connectTo(postgres15);
    await using scratch = await scratchIn(maintenance, await sourceLike(postgres15));
    {
      await using loader = await scratch.connectAsLoader();
      await loader.query(`ALTER DATABASE "${scratch.name}" SET default_transaction_read_only = on`);
    }
    await scratch.handOver();
    await using admin = await scratch.connectAsAdmin();
    expect(await admin.query("SHOW default_transaction_read_only")).toEqual([
      { default_transaction_read_only: "off" },
    ]);
  });

  test("never drops a database that was there before", async ({ postgres15 }) => {
    const runId = makeBackupId(Date.now());
    const target = uniqueName("shop");
    const name = scratchName(target, runId);
    await runAsSuperuser(postgres15, `CREATE DATABASE "${name}" TEMPLATE template0`);
    await using maintenance = await connectTo(postgres15);
    await expect(
      scratchIn(maintenance, await sourceLike(postgres15), { target, runId }),
    ).rejects.toMatchObject({ exit: "failed" });
    expect(await leftBehind(postgres15, runId)).toEqual([name]);
    await dropDatabase(maintenance, name);
  });

  test("an abort while it is created leaves nothing", async ({ postgres15 }) => {
    for (const delay of [0, 5, 20, 50, 100]) {
      const abort = new AbortController();
      const runId = makeBackupId(Date.now());
      await using maintenance = await connectTo(postgres15, abort.signal);
      const reason = new Error("enough");
      setTimeout(() => abort.abort(reason), delay);
      const source = await sourceLike(postgres15);
      const attempt = async (): Promise<void> => {
        await using scratch = await scratchIn(maintenance, source, { runId, signal: abort.signal });
        await scratch.connectAsLoader();
        await new Promise((resolve) => abort.signal.addEventListener("abort", resolve));
        abort.signal.throwIfAborted();
      };
      await expect(attempt()).rejects.toBe(reason);
      expect(await leftBehind(postgres15, runId)).toEqual([]);
    }
  });

  test("is refused where the new role cannot log in", async () => {
    await using server = await startPostgres({
      version: 15,
      hba: [`host all "${SUPERUSER}" 127.0.0.1/32 scram-sha-256`],
    });
    await using maintenance = await connectTo(server);
    const runId = makeBackupId(Date.now());
    const source = await sourceLike(server);
    await expect(scratchIn(maintenance, source, { runId })).rejects.toMatchObject({
      exit: "refused",
      hint: expect.stringContaining("--as-superuser"),
    });
    expect(await leftBehind(server, runId)).toEqual([]);
    await using scratch = await scratchIn(maintenance, source, { asSuperuser: true });
    await fill(scratch);
  });
});

describe("createScratch as a role that may only create databases", () => {
  test("loads as itself and leaves no role", async ({ postgres18 }) => {
    const role = await roleIn(postgres18, "CREATEDB");
    await using maintenance = await connect(role, { applicationName: "test", database: "postgres" });
    const source = await sourceLike(postgres18);
    await using scratch = await scratchIn(maintenance, source);
    expect(scratch.loader.user).toBe(role.user);
    expect(scratch.actAs).toBeUndefined();
    await fill(scratch);
    await scratch.handOver();
    expect(await owners(postgres18, scratch.name)).toEqual([role.user]);
  });

  test("takes on the owner's role where it is a member, though it inherits nothing", async ({
    postgres18,
  }) => {
    const role = await roleIn(postgres18, "CREATEDB");
    const owner = await roleIn(postgres18, "");
    await runAsSuperuser(postgres18, `GRANT ${owner.user} TO ${role.user} WITH INHERIT FALSE`);
    await using maintenance = await connect(role, { applicationName: "test", database: "postgres" });
    const source = await sourceLike(postgres18);
    await using scratch = await scratchIn(maintenance, source, { owner: owner.user });
    expect(scratch.actAs).toBe(owner.user);
    await fill(scratch);
    await scratch.handOver();
    expect(await owners(postgres18, scratch.name)).toEqual([owner.user]);
  });

  test("is refused where the target is somebody else's", async ({ postgres15 }) => {
    const role = await roleIn(postgres15, "CREATEDB");
    await using maintenance = await connect(role, { applicationName: "test", database: "postgres" });
    const runId = makeBackupId(Date.now());
    await expect(
      scratchIn(maintenance, await sourceLike(postgres15), { owner: SUPERUSER, runId }),
    ).rejects.toMatchObject({ exit: "notPermitted" });
    expect(await leftBehind(postgres15, runId)).toEqual([]);
  });
});

describe("the scratch database's locale", () => {
  test.for([
    { collate: "xx_XX.UTF-8", characterType: "xx_XX.UTF-8", localeProvider: "c", locale: null },
    { collate: "xx_XX.UTF-8", characterType: "xx_XX.UTF-8", localeProvider: "b", locale: "PG_FUTURE" },
  ])("falls back with a warning: $localeProvider", async (locale, { postgres18 }) => {
    const { reporter, warnings } = collectingReporter();
    const source = await sourceLike(postgres18, { encoding: "UTF8", ...locale });
    await using maintenance = await connectTo(postgres18);
    await using scratch = await scratchIn(maintenance, source, { reporter });
    expect(warnings).toEqual([expect.stringContaining("does not have the locale")]);
    await fill(scratch);
  });

  test.for([
    { encoding: "UTF8", localeProvider: "b", locale: "C.UTF-8" },
    { encoding: "LATIN1", localeProvider: "c", locale: null, collate: "C", characterType: "C" },
  ])("is the source's: $encoding $localeProvider", async (locale, { postgres18 }) => {
    const { reporter, warnings } = collectingReporter();
    const source = await sourceLike(postgres18, locale);
    await using maintenance = await connectTo(postgres18);
    await using scratch = await scratchIn(maintenance, source, { reporter });
    await using admin = await scratch.connectAsAdmin();
    const { source: made } = await readServerFacts(admin);
    expect(made).toMatchObject(locale);
    expect(warnings).toEqual([]);
  });
});
