import { afterEach, describe, expect, vi } from "vitest";
import { DataopsError } from "../../../src/errors.ts";
import { makeBackupId } from "../../../src/repository/backup-id.ts";
import { analyze } from "../../../src/restore/load/analyze.ts";
import { checkRows } from "../../../src/restore/load/row-check.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { createDatabase, test } from "../../support/postgres-test.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import {
  connectTo,
  dump,
  leftBehind,
  load,
  majorOfSource,
  scratchIn,
  type Dumped,
} from "../../support/scratch.ts";
import type { SharedPostgres } from "../../support/shared-servers.ts";

const LONG = 120_000;

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("loadArchive brings every kind of table back", () => {
  async function expectEqual(server: SharedPostgres): Promise<void> {
    const original = await createDatabase(server);
    try {
      {
        await using client = await original.connect();
        await client.query(everyKindOfTable({ size: 5_000_000 }));
      }
      await using dumped = await dump(original);
      await using maintenance = await connectTo(server);
      await using scratch = await scratchIn(maintenance, dumped.manifest.source);
      const { leftOut, missingExtensions, hasStatistics } = await load(server, dumped, scratch);
      expect(leftOut).toEqual([]);
      expect([...missingExtensions]).toEqual([]);
      expect(hasStatistics).toBe(majorOfSource(dumped.manifest) >= 18);
      {
        await using loader = await scratch.connectAsLoader();
        await checkRows(loader, { manifest: dumped.manifest, missingExtensions });
      }
      await analyze(scratch, 2);
      await scratch.handOver();
      vi.stubEnv("DATAOPS_POSTGRES_BIN", server.programs);
      expect(
        await compareDatabases(original.settings, settingsFor(server, { database: scratch.name })),
      ).toEqual([]);
    } finally {
      await original.drop();
    }
  }

  test("PostgreSQL 15", { timeout: LONG }, ({ postgres15 }) => expectEqual(postgres15));
  test("PostgreSQL 16", { timeout: LONG }, ({ postgres16 }) => expectEqual(postgres16));
  test("PostgreSQL 18", { timeout: LONG }, ({ postgres18 }) => expectEqual(postgres18));
});

describe("a backup that means harm", () => {
  const EVIL = makeBackupId(Date.now()).replace(/.*-/, "evil_");

  /** Each way tries to make a superuser while it is restored, hides that it failed, and leaves a trace where it could. */
  const HOSTILE = `
    CREATE SEQUENCE ran_as_superuser;
    CREATE FUNCTION become(way text) RETURNS boolean LANGUAGE plpgsql AS $$
      BEGIN
        -- No rollback undoes this, as it undoes no program that COPY ran.
        IF current_database() LIKE '%\\_\\_new\\_%' AND (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user)
          THEN PERFORM pg_catalog.nextval('public.ran_as_superuser'); END IF;
        BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END;
        BEGIN RESET SESSION AUTHORIZATION; EXCEPTION WHEN OTHERS THEN NULL; END;
        BEGIN EXECUTE format('CREATE ROLE %I SUPERUSER', current_setting('hostile.prefix') || way); EXCEPTION WHEN OTHERS THEN NULL; END;
        RETURN true;
      END $$;
    CREATE FUNCTION become_at_planning(way text) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$ SELECT true $$;
    CREATE TABLE checked (id int CHECK (become('check')));
    CREATE TABLE defaulted (id int, made boolean DEFAULT become('default'));
    CREATE TABLE indexed (id int);
    INSERT INTO indexed SELECT generate_series(1, 3);
    CREATE INDEX indexed_by ON indexed ((become_at_planning('index')), id) WHERE become_at_planning('planning');
    CREATE MATERIALIZED VIEW summary AS SELECT become('view') AS made;
    INSERT INTO checked VALUES (1);
    CREATE FUNCTION definer() RETURNS boolean SECURITY DEFINER LANGUAGE sql AS $$ SELECT public.become('definer') $$;
    CREATE MATERIALIZED VIEW by_definer AS SELECT definer();
    CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.become('event'); END $$;
    CREATE EVENT TRIGGER hostile_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl();
    COMMENT ON EVENT TRIGGER hostile_ddl IS 'harmless';
    CREATE PUBLICATION everything FOR ALL TABLES;
    CREATE PUBLICATION some_tables FOR TABLE checked;
    CREATE SUBSCRIPTION takeover CONNECTION 'host=127.0.0.1 port=1 dbname=nothing' PUBLICATION p WITH (connect = false);
    CREATE FOREIGN DATA WRAPPER nothing;
    CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing;
    CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (password 'secret');
    CREATE ROLE "ROLE";
    CREATE POLICY of_nobody_here ON indexed TO "ROLE" USING (true);
    CREATE POLICY of_all ON indexed USING (true);
  `;

  /** As it will be when somebody restores it: what it does at planning is only put in after the dump's queries. */
  async function dumpHostile(server: SharedPostgres): Promise<Dumped & { prefix: string }> {
    const prefix = `${EVIL}_${String(server.version)}_`;
    const original = await createDatabase(server);
    try {
      await using client = await original.connect();
      await client.query(
        HOSTILE.replaceAll("current_setting('hostile.prefix')", `'${prefix}'`).replaceAll(
          '"ROLE"',
          `"${prefix}policy"`,
        ),
      );
      await client.query("DROP FOREIGN DATA WRAPPER IF EXISTS nothing CASCADE");
      await client.query(
        `CREATE OR REPLACE FUNCTION become_at_planning(way text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.become(way); RETURN true; END $$`,
      );
      // The superuser who built it did run it: that is not what is tested.
      const dumped = await dump(original);
      await client.query(
        "ALTER SUBSCRIPTION takeover DISABLE; ALTER SUBSCRIPTION takeover SET (slot_name = NONE)",
      );
      await client.query(
        "DROP SUBSCRIPTION takeover; DROP EVENT TRIGGER hostile_ddl; DROP TABLE indexed CASCADE",
      );
      await dropRoles(server, prefix);
      return { ...dumped, prefix };
    } finally {
      await original.drop();
    }
  }

  async function dropRoles(server: SharedPostgres, prefix: string): Promise<void> {
    await using client = await connectTo(server);
    const made = await client.query<{ name: string }>(
      "SELECT quote_ident(rolname) AS name FROM pg_roles WHERE starts_with(rolname, $1)",
      [prefix],
    );
    expect(made.length, "the traps work").toBeGreaterThan(3);
    for (const { name } of made) await client.query(`DROP ROLE ${name}`);
  }

  async function expectHarmless(server: SharedPostgres): Promise<void> {
    await using dumped = await dumpHostile(server);
    await using maintenance = await connectTo(server);
    await using scratch = await scratchIn(maintenance, dumped.manifest.source);
    const loaded = await load(server, dumped, scratch);
    {
      await using loader = await scratch.connectAsLoader();
      await checkRows(loader, { manifest: dumped.manifest, ...loaded });
    }
    await analyze(scratch, 2);
    await scratch.handOver();
    expect(await leftBehind(server, dumped.prefix)).toEqual([]);
    {
      await using admin = await scratch.connectAsAdmin();
      expect(await admin.query("SELECT is_called FROM public.ran_as_superuser")).toEqual([
        { is_called: false },
      ]);
    }
    // The owner's name has a space in it, which the archive's list does not mark.
    const names = loaded.leftOut.map((line) => line.replace(/( test)?:.*/, ""));
    expect(names.sort()).toEqual(
      [
        "COMMENT EVENT TRIGGER hostile_ddl",
        "EVENT TRIGGER hostile_ddl",
        "POLICY public indexed of_nobody_here",
        "PUBLICATION everything",
        "PUBLICATION some_tables",
        "PUBLICATION TABLE public some_tables checked",
        "SUBSCRIPTION takeover",
      ].sort(),
    );
  }

  test(
    "makes no superuser, and what is left out is told, PostgreSQL 15",
    { timeout: LONG },
    ({ postgres15 }) => expectHarmless(postgres15),
  );
  test(
    "makes no superuser, and what is left out is told, PostgreSQL 18",
    { timeout: LONG },
    ({ postgres18 }) => expectHarmless(postgres18),
  );
});

describe("a load that does not end well", () => {
  /** Works where it is made, and fails where it is restored: the check does not hold on the way in. */
  const UNRESTORABLE = `
    CREATE TABLE fine AS SELECT generate_series(1, 1000) AS id;
    CREATE FUNCTION elsewhere() RETURNS boolean LANGUAGE sql AS $$ SELECT current_database() NOT LIKE '%\\_\\_new\\_%' $$;
    CREATE TABLE guarded (secret text CHECK (elsewhere()));
    INSERT INTO guarded VALUES ('a secret row');`;

  test("names the entry that failed, without its rows, and leaves nothing", async ({ postgres15 }) => {
    const original = await createDatabase(postgres15);
    await using client = await original.connect();
    await client.query(UNRESTORABLE);
    await using dumped = await dump(original);
    await using maintenance = await connectTo(postgres15);
    const runId = makeBackupId(Date.now());
    const attempt = async (): Promise<void> => {
      await using scratch = await scratchIn(maintenance, dumped.manifest.source, { runId });
      expect(await leftBehind(postgres15, runId)).toHaveLength(2);
      await load(postgres15, dumped, scratch);
    };
    const error: unknown = await attempt().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DataopsError);
    expect(error).toMatchObject({ exit: "failed" });
    expect(String(error)).toMatch(
      /pg_restore could not restore the rows of table "guarded": .*violates check constraint/,
    );
    expect(JSON.stringify([String(error), error])).not.toContain("a secret row");
    expect(await leftBehind(postgres15, runId)).toEqual([]);
    await original.drop();
  });

  test("ends within seconds of an abort, and leaves nothing", async ({ postgres15 }) => {
    const original = await createDatabase(postgres15);
    await using client = await original.connect();
    await client.query(
      UNRESTORABLE.replaceAll(
        "SELECT current_database() NOT LIKE '%\\_\\_new\\_%'",
        "SELECT CASE WHEN current_database() LIKE '%\\_\\_new\\_%' THEN pg_sleep(60) IS NOT NULL ELSE true END",
      ),
    );
    await using dumped = await dump(original);
    const abort = new AbortController();
    await using maintenance = await connectTo(postgres15, abort.signal);
    const runId = makeBackupId(Date.now());
    const attempt = async (): Promise<void> => {
      await using scratch = await scratchIn(maintenance, dumped.manifest.source, {
        runId,
        signal: abort.signal,
      });
      await load(postgres15, dumped, scratch, { signal: abort.signal });
    };
    const attempted = attempt().catch((caught: unknown) => caught);
    await expect
      .poll(
        () =>
          client.query(
            "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND strpos(datname, $1) > 0",
            [runId],
          ),
        { timeout: 15_000 },
      )
      .toHaveLength(1);
    const reason = new Error("enough");
    const start = performance.now();
    abort.abort(reason);
    expect(await attempted).toBe(reason);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(await leftBehind(postgres15, runId)).toEqual([]);
    await original.drop();
  });
});
