import { join } from "node:path";
import { readdir } from "node:fs/promises";
import { describe, expect, onTestFinished } from "vitest";
import {
  backUp,
  BEFORE,
  contentTable,
  laptopEnvironment,
  localDatabase,
  PRODUCTION,
  test,
  traces,
  type LocalDatabase,
} from "../../support/e2e-laptop.ts";
import { expectOneLine } from "../../support/e2e-test.ts";
import { followLog } from "../../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName, type TestDatabase } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const FETCH = ["fetch-latest-db", "--yes"];

describe("a backup that attacks whoever restores it", () => {
  test("gets no role, no file, no program; what was left out is listed", async ({
    database,
    local,
    dataops,
  }) => {
    const folder = await temporaryFolder("storage");
    const evil = uniqueName("evil");
    const loot = await temporaryFolder("loot");
    await backUpHostile(database, folder, { evil, loot });
    await local.create();
    const environment = laptopEnvironment(folder, local);
    const roles = await rolesOf(local);
    const settings = await settingsOf(local);
    const log = await followLog(local.server);

    const fetched = await dataops.run(FETCH, { environment });
    expect(fetched, fetched.stderr).toMatchObject({ code: 0 });
    const runs = (await log.read()).matchAll(/hostile code runs as (\w+)/g);
    const users = [...new Set([...runs].map(([, user]) => user))];
    expect(users, "it was tried, and by nobody else").toEqual([expect.stringMatching(/^dataops_restore_/)]);
    expect(await rolesOf(local)).toEqual(roles);
    expect(await settingsOf(local)).toEqual(settings);
    expect(await readdir(loot)).toEqual([]);
    expect(await local.query("SELECT evtname FROM pg_event_trigger")).toEqual([]);
    expect(await local.content()).toBe(PRODUCTION);
    expect(await local.content(`${local.name}__old`)).toBe(BEFORE);
    expect(await traces(local.server)).toEqual([]);
    expect(fetched.stdout).toMatch(/^left out: EVENT TRIGGER hostile_trigger: it would run code/m);
    expect(fetched.stdout).toMatch(/^left out: PUBLICATION everything: /m);
    expect(fetched.stdout).toMatch(/^left out: POLICY public members only_they: no role .*_reader here$/m);

    const asJson = await dataops.run([...FETCH, "--json"], { environment });
    expect(asJson.json()).toMatchObject({
      leftOut: fetched.stdout
        .split("\n")
        .filter((line) => line.startsWith("left out: "))
        .map((line) => line.slice("left out: ".length)),
    });
  });

  test("would get them with --as-superuser, which nobody has by accident", async ({
    database,
    local,
    dataops,
  }) => {
    const folder = await temporaryFolder("storage");
    const evil = uniqueName("evil");
    await backUpHostile(database, folder, { evil, loot: await temporaryFolder("loot") });
    onTestFinished(() => runAsSuperuser(local.server, `DROP ROLE IF EXISTS ${evil}`));
    const fetched = await dataops.run([...FETCH, "--as-superuser"], {
      environment: laptopEnvironment(folder, local),
    });
    expect(fetched, fetched.stderr).toMatchObject({ code: 0 });
    expect(await rolesOf(local)).toContain(`${evil} superuser`);
  });
});

describe("an extension that the server does not have", () => {
  /** It was there until PostgreSQL 16. */
  const EXTENSION = "adminpack";

  test("is left out and reported where nothing uses it", async ({ database, postgres18, dataops }) => {
    const folder = await temporaryFolder("storage");
    await (await database.connect()).query(`CREATE EXTENSION ${EXTENSION}; ${contentTable(PRODUCTION)}`);
    await backUp(database, folder);
    const local = localDatabase(postgres18);
    onTestFinished(() => local.drop());
    const fetched = await dataops.run([...FETCH, "--allow-vulnerable-client"], {
      environment: laptopEnvironment(folder, local, { DATAOPS_POSTGRES_BIN: postgres18.programs ?? "" }),
    });
    expect(fetched, fetched.stderr).toMatchObject({ code: 0 });
    expect(fetched.stdout).toMatch(new RegExp(`^left out: EXTENSION ${EXTENSION}: `, "m"));
    expect(await local.content()).toBe(PRODUCTION);
  });

  test("stops the restore before a download where something uses it", async ({
    database,
    postgres18,
    dataops,
  }) => {
    const folder = await temporaryFolder("storage");
    const production = await database.connect();
    await production.query(`CREATE EXTENSION ${EXTENSION}; ${contentTable(PRODUCTION)}`);
    await production.query(
      "CREATE VIEW written AS SELECT pg_catalog.pg_file_write('/nowhere', value, false) FROM content WHERE false",
    );
    await backUp(database, folder);
    const local = localDatabase(postgres18);
    onTestFinished(() => local.drop());
    await local.create();
    const cache = join(await temporaryFolder("cache"), "archives");
    const environment = laptopEnvironment(folder, local, {
      DATAOPS_POSTGRES_BIN: postgres18.programs ?? "",
      DATAOPS_CACHE_DIRECTORY: cache,
    });
    const refused = await dataops.run([...FETCH, "--force", "--allow-vulnerable-client"], { environment });
    expect(refused, refused.stderr).toMatchObject({ code: 13, stdout: "" });
    expectOneLine(refused);
    expect(refused.stderr).toMatch(new RegExp(`^error: .*${EXTENSION}`, "m"));
    await expect(readdir(cache)).rejects.toThrow("ENOENT");
    expect(await local.content()).toBe(BEFORE);
    expect(await local.family()).toEqual([local.name]);
  });
});

async function backUpHostile(
  database: TestDatabase,
  folder: string,
  { evil, loot }: { evil: string; loot: string },
): Promise<void> {
  const production = await database.connect();
  await production.query(hostile(evil, loot));
  await backUp(database, folder);
  // A role belongs to the whole server, and the database goes only after the test.
  await production.query(`DROP POLICY only_they ON members; DROP ROLE ${evil}_reader`);
}

/** SQL for a production that goes for the server that it is restored on, at every moment that its code can run. */
function hostile(evil: string, loot: string): string {
  const attempts = [
    `CREATE ROLE ${evil} SUPERUSER`,
    "ALTER ROLE CURRENT_USER SUPERUSER",
    `RESET ROLE; CREATE ROLE ${evil} SUPERUSER`,
    `RESET SESSION AUTHORIZATION; CREATE ROLE ${evil} SUPERUSER`,
    'SET SESSION AUTHORIZATION "test superuser"',
    'SET ROLE "test superuser"',
    `COPY (SELECT 1) TO PROGRAM 'touch ${loot}/by-program'`,
    `COPY (SELECT 1) TO '${loot}/by-server'`,
    `SELECT lo_export(lo_from_bytea(0, 'x'), '${loot}/by-large-object')`,
    "ALTER SYSTEM SET work_mem = '123MB'",
    "CREATE EXTENSION adminpack",
    "CREATE EXTENSION dblink",
    "GRANT pg_execute_server_program TO CURRENT_USER",
    "DROP DATABASE postgres",
  ];
  return `
    ${contentTable(PRODUCTION)};
    CREATE FUNCTION attack() RETURNS void LANGUAGE plpgsql AS $attack$
      DECLARE attempt text;
      BEGIN
        -- Where the backup is made it does nothing.
        IF current_database() NOT LIKE '%\\_\\_new\\_%' THEN RETURN; END IF;
        RAISE LOG 'hostile code runs as %', session_user;
        FOREACH attempt IN ARRAY ARRAY[${attempts.map((attempt) => `$$${attempt}$$`).join(", ")}] LOOP
          BEGIN EXECUTE attempt; EXCEPTION WHEN OTHERS THEN NULL; END;
        END LOOP;
      END $attack$;
    CREATE FUNCTION as_definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM public.attack(); END $$;
    CREATE FUNCTION checked(id int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$
      BEGIN PERFORM public.attack(); PERFORM public.as_definer(); RETURN true; END $$;
    CREATE FUNCTION indexed(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
      BEGIN PERFORM public.attack(); RETURN id; END $$;
    CREATE TABLE members (id int CHECK (public.checked(id)));
    INSERT INTO members VALUES (1), (2);
    CREATE INDEX ON members (public.indexed(id));
    CREATE MATERIALIZED VIEW summary AS SELECT public.indexed(id) FROM members;
    CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.attack(); END $$;
    CREATE ROLE ${evil}_reader;
    CREATE POLICY only_they ON members TO ${evil}_reader USING (public.checked(id));
    CREATE PUBLICATION everything FOR ALL TABLES;
    CREATE EVENT TRIGGER hostile_trigger ON ddl_command_end EXECUTE FUNCTION on_ddl()`;
}

/** But for those of templates, which own and can do nothing. */
async function rolesOf(local: LocalDatabase): Promise<string[]> {
  const rows = await local.query<{ role: string }>(
    `SELECT rolname || CASE WHEN rolsuper THEN ' superuser' ELSE '' END AS role FROM pg_roles
      WHERE NOT (rolname LIKE 'dataops\\_template\\_%' AND NOT rolcanlogin AND NOT rolsuper AND NOT rolbypassrls)
      ORDER BY 1`,
    "postgres",
  );
  return rows.map(({ role }) => role);
}

/** What `ALTER SYSTEM` wrote. */
function settingsOf(local: LocalDatabase): Promise<Record<string, unknown>[]> {
  return local.query(
    "SELECT name, setting FROM pg_file_settings WHERE sourcefile LIKE '%.auto.conf'",
    "postgres",
  );
}
