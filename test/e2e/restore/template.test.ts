import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { discoverTools } from "../../../src/postgres/tools.ts";
import { archiveKey } from "../../../src/repository/keys.ts";
import { readTemplateMark } from "../../../src/replace/template/mark.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import {
  backUp,
  BEFORE,
  contentTable,
  laptopConfig,
  laptopEnvironment,
  localDatabase,
  PRODUCTION,
  test,
  traces,
  type LocalDatabase,
} from "../../support/e2e-laptop.ts";
import type { Dataops } from "../../support/e2e-test.ts";
import { chinook } from "../../support/data/chinook.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { fakePrograms } from "../../support/fake-program.ts";
import { settingsFor, urlFor } from "../../support/postgres-servers.ts";
import { connect } from "../../../src/postgres/client.ts";
import { runAsSuperuser, uniqueName } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** Otherwise each signal and each moment is tried once. */
const isThorough = process.env["TEST_ALL"] === "1";

/** Milliseconds. */
const POLL = { interval: 20, timeout: 30_000 };

const FETCH = ["fetch-latest-db", "--yes", "--json"];
const COPIED = { code: 0, fromTemplate: true, downloaded: 0 };
const LOADED = { code: 0, fromTemplate: false };

interface Fetched {
  code: number | null;
  stderr: string;
  [key: string]: unknown;
}

/** Fetches, and gives what was told as one object. */
async function fetch(
  dataops: Dataops,
  environment: Record<string, string>,
  { restore = {}, args = [] }: { restore?: Record<string, unknown>; args?: string[] } = {},
): Promise<Fetched> {
  const ended = await dataops.run([...FETCH, ...args], { environment, config: laptopConfig(restore) });
  const { code, stderr } = ended;
  return { code, stderr, ...z.record(z.string(), z.unknown()).parse(ended.json()) };
}

interface TemplateRow extends Record<string, unknown> {
  oid: number;
  comment: string | null;
  open: boolean;
}

function nameOf({ name }: LocalDatabase): string {
  return `${name}__template`;
}

async function templateOf(local: LocalDatabase): Promise<TemplateRow | undefined> {
  const [row] = await local.query<TemplateRow>(
    `SELECT oid, shobj_description(oid, 'pg_database') AS comment, datallowconn AS open
       FROM pg_database WHERE datname = '${nameOf(local)}'`,
    "postgres",
  );
  return row;
}

/** Opens the template for a moment, as only a superuser can. */
async function changeTemplate(local: LocalDatabase, sql: string): Promise<void> {
  await local.query(`ALTER DATABASE "${nameOf(local)}" ALLOW_CONNECTIONS true`, "postgres");
  await local.query(sql, nameOf(local));
  await local.query(`ALTER DATABASE "${nameOf(local)}" ALLOW_CONNECTIONS false`, "postgres");
}

describe("the same backup again", () => {
  for (const version of [15, 18] as const) {
    test(`is copied, not downloaded, and equal, on PostgreSQL ${version}`, async ({
      database,
      laptop,
      postgres18,
      dataops,
    }) => {
      const folder = await temporaryFolder("storage");
      // Not every server of 18 has the extensions that the first one asks for.
      const sample = version === 15 ? everyKindOfTable({ size: 1_000_000 }) : chinook();
      await (await database.connect()).query(sample);
      const manifest = await backUp(database, folder);
      const server = { 15: laptop, 18: postgres18 }[version];
      const local = localDatabase(server);
      onTestFinished(() => local.drop());
      const environment = laptopEnvironment(folder, local, { DATAOPS_POSTGRES_BIN: server.programs ?? "" });
      const args = ["--allow-vulnerable-client"];
      // For the comparison, too.
      vi.stubEnv("DATAOPS_POSTGRES_BIN", server.programs ?? "");
      onTestFinished(() => void vi.unstubAllEnvs());

      const first = await fetch(dataops, environment, { args });
      expect(first, first.stderr).toMatchObject(LOADED);
      const loaded = await compareDatabases(database.settings, local.settings);
      // Neither the archive nor the cache: every run has a home of its own.
      await rm(join(folder, archiveKey(manifest.database, manifest.id)));
      const again = await fetch(dataops, environment, { args });
      expect(again, again.stderr).toMatchObject({ ...COPIED, leftOut: first["leftOut"] });
      expect(await compareDatabases(database.settings, local.settings)).toEqual(loaded);
      expect(await traces(server)).toEqual([]);
    });
  }

  test("has the planner's statistics, and runs the after steps on rows that never saw them", async ({
    shop,
    local,
    dataops,
  }) => {
    const step = join(await temporaryFolder("steps"), "step.sql");
    await writeFile(step, "INSERT INTO content VALUES (current_user); CREATE TABLE made_by_step (id int)");
    const environment = laptopEnvironment(shop.folder, local);
    for (const expected of [LOADED, COPIED, COPIED]) {
      const fetched = await fetch(dataops, environment, { restore: { after: [{ sql: step }] } });
      expect(fetched, fetched.stderr).toMatchObject(expected);
      const rows = await local.query<{ value: string }>("SELECT value FROM content ORDER BY ctid");
      expect(rows).toEqual([{ value: PRODUCTION }, { value: expect.stringMatching(/^dataops_restore_/) }]);
      expect(
        await local.query(
          `SELECT DISTINCT pg_get_userbyid(relowner)::text AS owner FROM pg_class WHERE relkind = 'r' AND oid > 16384`,
        ),
      ).toEqual([{ owner: local.server.user }]);
      expect(await local.query("SELECT FROM pg_stats WHERE tablename = 'customers'")).toHaveLength(2);
    }
    expect((await templateOf(local))?.open).toBe(false);
    expect(await traces(local.server)).toEqual([]);
  });

  test("is copied, too, after a step has failed", async ({ shop, local, dataops }) => {
    await local.create();
    const environment = laptopEnvironment(shop.folder, local);
    const failed = await dataops.run(FETCH, {
      environment,
      config: laptopConfig({ after: [{ command: ["false"] }] }),
    });
    expect(failed.code, failed.stderr).toBe(1);
    expect(await local.content()).toBe(BEFORE);
    expect(await traces(local.server)).toEqual([]);
    const again = await fetch(dataops, environment);
    expect(again, again.stderr).toMatchObject(COPIED);
    expect(await local.content()).toBe(PRODUCTION);
  });

  test("is copied after an undo, and undone again", async ({ shop, local, dataops }) => {
    await local.create();
    const environment = laptopEnvironment(shop.folder, local);
    expect(await fetch(dataops, environment)).toMatchObject(LOADED);
    const config = laptopConfig();
    expect(await dataops.run(["undo", "local", "--yes"], { environment, config })).toMatchObject({ code: 0 });
    expect(await local.content()).toBe(BEFORE);
    const restore = ["restore", shop.manifest.id, "--to", "local", "--yes"];
    const restored = await dataops.run(restore, { environment, config });
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    expect(restored.stdout).toContain("copied from the template of the last restore");
    expect(await local.content()).toBe(PRODUCTION);
    expect(await dataops.run(["undo", "local", "--yes"], { environment, config })).toMatchObject({ code: 0 });
    expect(await local.content()).toBe(BEFORE);
  });

  test.for<{ what: string; superuser: boolean; owned: boolean; args?: string[] }>([
    { what: "a superuser, for an owner who is none", superuser: true, owned: false },
    { what: "a superuser who trusts the backup", superuser: true, owned: true, args: ["--as-superuser"] },
    { what: "the owner, who may create databases", superuser: false, owned: true },
    { what: "a member of the owner", superuser: false, owned: false },
  ])("is copied by $what", async ({ superuser, owned, args = [] }, { shop, local, dataops }) => {
    const [user, group] = [uniqueName("user"), uniqueName("group")];
    await runAsSuperuser(
      local.server,
      `CREATE ROLE ${group} CREATEDB; CREATE ROLE ${user} LOGIN PASSWORD 'x' CREATEDB ${superuser ? "SUPERUSER" : ""} IN ROLE ${group};
       GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC`,
    );
    await runAsSuperuser(
      local.server,
      `CREATE DATABASE ${local.name} OWNER ${owned ? user : group} TEMPLATE template0`,
    );
    onTestFinished(async () => {
      await local.drop();
      await runAsSuperuser(local.server, `DROP ROLE ${user}; DROP ROLE ${group}`);
    });
    const environment = laptopEnvironment(shop.folder, {
      url: urlFor(local.server, local.name, { user, password: "x" }),
    });
    for (const expected of [LOADED, COPIED]) {
      const fetched = await fetch(dataops, environment, { args });
      expect(fetched, fetched.stderr).toMatchObject(expected);
      const owners = `SELECT DISTINCT pg_get_userbyid(relowner)::text AS owner FROM pg_class
                       WHERE relnamespace = 'public'::regnamespace`;
      expect(await local.query(owners)).toEqual([{ owner: owned ? user : group }]);
      expect(await local.content()).toBe(PRODUCTION);
    }
    expect(await traces(local.server)).toEqual([]);
  });
});

describe("the template", () => {
  test("is of the last backup, and there is one of a database", async ({ database, local, dataops }) => {
    const folder = await temporaryFolder("storage");
    const production = await database.connect();
    await production.query(contentTable("first"));
    const first = await backUp(database, folder);
    const environment = laptopEnvironment(folder, local);
    expect(await fetch(dataops, environment)).toMatchObject(LOADED);
    const roles = await templateRoles(local);
    await production.query("UPDATE content SET value = 'second'");
    const second = await backUp(database, folder);
    for (const expected of [LOADED, COPIED]) {
      expect(await fetch(dataops, environment)).toMatchObject({ ...expected, backup: second.id });
      expect(await local.content()).toBe("second");
    }
    expect(readTemplateMark((await templateOf(local))?.comment ?? null)?.content?.origin).toBe(
      `backup ${second.id}`,
    );
    expect((await templateRoles(local)).filter((role) => roles.includes(role))).toHaveLength(
      roles.length - 1,
    );
    const restored = await dataops.run(["restore", first.id, "--to", "local", "--yes"], { environment });
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    expect(await local.content()).toBe("first");
  });

  test("is made anew where it would be made otherwise now", async ({ database, local, dataops }) => {
    const folder = await temporaryFolder("storage");
    const role = uniqueName("reader");
    await runAsSuperuser(database.server, `CREATE ROLE ${role}`);
    await (
      await database.connect()
    ).query(`${contentTable(PRODUCTION)}; CREATE POLICY theirs ON content TO ${role} USING (true)`);
    await backUp(database, folder);
    onTestFinished(async () => {
      await database.drop();
      await runAsSuperuser(database.server, `DROP ROLE ${role}`);
    });
    const environment = laptopEnvironment(folder, local);
    const policies = "SELECT polname::text AS name FROM pg_policy";
    const leftOut = [expect.stringContaining("POLICY public content theirs")];
    expect(await fetch(dataops, environment)).toMatchObject({ ...LOADED, leftOut });
    expect(await fetch(dataops, environment)).toMatchObject({ ...COPIED, leftOut });
    expect(await local.query(policies)).toEqual([]);

    await runAsSuperuser(local.server, `CREATE ROLE ${role}`);
    onTestFinished(async () => {
      await local.drop();
      await runAsSuperuser(local.server, `DROP ROLE ${role}`);
    });
    for (const expected of [LOADED, COPIED]) {
      expect(await fetch(dataops, environment)).toMatchObject({ ...expected, leftOut: [] });
      expect(await local.query(policies)).toEqual([{ name: "theirs" }]);
    }
    expect(await fetch(dataops, environment, { args: ["--as-superuser"] })).toMatchObject(LOADED);
  });

  test.for<{ what: string; make: (local: LocalDatabase, mark: string) => Promise<void> }>([
    { what: "without a mark", make: async () => undefined },
    {
      what: "with the mark of another's template",
      make: (local, mark) => comment(local, mark.replace(`"${local.name}"`, `"${local.name}_other"`)),
    },
    {
      what: "with a mark, by somebody who is not who restores",
      make: async (local, mark) => {
        const role = uniqueName("forger");
        await runAsSuperuser(
          local.server,
          `CREATE ROLE ${role}; ALTER DATABASE "${nameOf(local)}" OWNER TO ${role}`,
        );
        await comment(local, mark);
      },
    },
  ])("is no database $what: that is left as it is, and told", async ({ make }, { shop, local, dataops }) => {
    const environment = laptopEnvironment(shop.folder, local);
    expect(await fetch(dataops, environment)).toMatchObject(LOADED);
    const mark = (await templateOf(local))?.comment ?? "";
    await runAsSuperuser(local.server, `DROP DATABASE "${nameOf(local)}"`);
    await runAsSuperuser(local.server, `CREATE DATABASE "${nameOf(local)}" TEMPLATE template0`);
    await local.query(contentTable("somebody's own"), nameOf(local));
    await make(local, mark);
    const before = await templateOf(local);

    const fetched = await fetch(dataops, environment);
    expect(fetched, fetched.stderr).toMatchObject(LOADED);
    expect(fetched.stderr).toContain(`database ${nameOf(local)} has its name, and is none`);
    const off = await fetch(dataops, environment, { restore: { template: false } });
    expect(off, off.stderr).toMatchObject(LOADED);
    expect(await templateOf(local)).toEqual(before);
    expect(await local.content(nameOf(local))).toBe("somebody's own");
    expect(await local.content()).toBe(PRODUCTION);
  });

  test.for<{ what: string; says: string; spoil: (local: LocalDatabase) => Promise<void> }>([
    {
      what: "whose mark is damaged",
      says: "does not say what it holds",
      spoil: async (local) => {
        const mark = (await templateOf(local))?.comment ?? "";
        await comment(local, mark.replace('"digest"', '"digestion"'));
      },
    },
    {
      what: "that lost rows",
      says: "customers has 999 (backup: 1000)",
      spoil: (local) => changeTemplate(local, "DELETE FROM customers WHERE id = 7"),
    },
    {
      what: "that somebody is connected to",
      says: "being accessed by other users",
      spoil: async (local) => {
        await local.query(`ALTER DATABASE "${nameOf(local)}" ALLOW_CONNECTIONS true`, "postgres");
        const session = await connect(
          { ...local.settings, database: nameOf(local) },
          { applicationName: "test" },
        );
        onTestFinished(() => session[Symbol.asyncDispose]());
      },
    },
    {
      what: "whose run never ended",
      says: "has not ended, or was killed",
      spoil: async (local) => {
        const run = readTemplateMark((await templateOf(local))?.comment ?? null)?.content?.run;
        const other = uniqueName("dataops_restore");
        await runAsSuperuser(local.server, `ALTER ROLE "dataops_template_${run}" RENAME TO "x${other}"`);
      },
    },
  ])(
    "$what is not used, which is told and fails nothing",
    async ({ says, spoil }, { shop, local, dataops }) => {
      const environment = laptopEnvironment(shop.folder, local);
      expect(await fetch(dataops, environment)).toMatchObject(LOADED);
      await spoil(local);
      const fetched = await fetch(dataops, environment);
      expect(fetched, fetched.stderr).toMatchObject(LOADED);
      expect(fetched.stderr).toContain(says);
      expect(await local.content()).toBe(PRODUCTION);
      expect(await local.query("SELECT count(*)::int AS rows FROM customers")).toEqual([{ rows: 1000 }]);
      expect(await traces(local.server)).toEqual([]);
    },
  );

  test("is not kept where the configuration says so, and one from before is dropped", async ({
    shop,
    local,
    dataops,
  }) => {
    const environment = laptopEnvironment(shop.folder, local);
    expect(await fetch(dataops, environment)).toMatchObject(LOADED);
    const roles = await templateRoles(local);
    const off = await fetch(dataops, environment, { restore: { template: false } });
    expect(off, off.stderr).toMatchObject(LOADED);
    expect(await templateOf(local)).toBeUndefined();
    expect(await templateRoles(local)).toHaveLength(roles.length - 1);
    expect(await fetch(dataops, environment, { restore: { template: false } })).toMatchObject(LOADED);
    expect(await templateOf(local)).toBeUndefined();
  });

  test("helps nobody past the guard", async ({ shop, local, dataops }) => {
    const environment = laptopEnvironment(shop.folder, local);
    expect(await fetch(dataops, environment)).toMatchObject(LOADED);
    const before = await templateOf(local);
    await runAsSuperuser(
      local.server,
      `ALTER DATABASE "${local.name}" SET dataops.environment = 'production'`,
    );
    await local.query("UPDATE content SET value = 'precious'");
    const refused = await dataops.run(FETCH, { environment, config: laptopConfig() });
    expect(refused.code, refused.stderr).toBe(13);
    expect(await local.content()).toBe("precious");
    expect(await templateOf(local)).toEqual(before);
    expect(await local.family()).toEqual([local.name]);
  });
});

describe("a restore that ends while it makes the template", () => {
  const COPYING = { catalog: "pg_database", statement: "CREATE DATABASE" };
  const NAMING = { catalog: "pg_shdescription", statement: "COMMENT ON DATABASE" };
  const DRAFT = expect.arrayContaining([expect.stringContaining("__template_")]);
  const ENDINGS: {
    catalog: string;
    statement: string;
    signal: NodeJS.Signals;
    code: number | null;
    left: unknown;
  }[] = [
    { ...COPYING, signal: "SIGTERM", code: 143, left: [] },
    { ...NAMING, signal: "SIGTERM", code: 143, left: [] },
    { ...COPYING, signal: "SIGKILL", code: null, left: DRAFT },
    { ...NAMING, signal: "SIGKILL", code: null, left: DRAFT },
  ];
  const chosen = ENDINGS.filter(
    ({ signal, statement }) => isThorough || (signal === "SIGKILL") === (statement === COPYING.statement),
  );
  test.for(chosen)(
    "by $signal at $statement leaves nothing that is taken for one",
    async ({ catalog, statement, signal, code, left }, { shop, local, dataops }) => {
      await local.create();
      const folder = await temporaryFolder("gate");
      const [loaded, go] = [join(folder, "loaded"), join(folder, "go")];
      const { programs = "" } = shop.database.server;
      const [real] = await discoverTools({ DATAOPS_POSTGRES_BIN: programs });
      // Only the load itself waits: the archive is also listed with this program.
      await using clients = await fakePrograms(real?.version ?? "", {
        pg_restore: `'${join(programs, "pg_restore")}' "$@" || exit; case "$*" in *--use-list*) touch '${loaded}'; while [ ! -e '${go}' ]; do sleep 0.05; done;; esac`,
      });
      const environment = laptopEnvironment(shop.folder, local);
      const run = await dataops.start(FETCH, {
        environment: { ...environment, DATAOPS_POSTGRES_BIN: clients.directory },
        config: laptopConfig(),
      });
      await run.until("all is loaded", async () => (await readdir(folder)).includes("loaded"));
      await using lock = await connect(settingsFor(local.server), { applicationName: "test" });
      await lock.query(`BEGIN; LOCK TABLE ${catalog} IN SHARE MODE`);
      await writeFile(go, "");
      const making = `SELECT FROM pg_stat_activity
                       WHERE state = 'active' AND starts_with(query, '${statement} "${nameOf(local)}_')`;
      await run.until("the template is being made", async () => {
        const waiting = await local.query(`${making} AND wait_event_type = 'Lock'`);
        return waiting.length > 0;
      });
      run.kill(signal);
      if (signal === "SIGKILL") await run.exited;
      await lock.query("ROLLBACK");
      const ended = await run.exited;
      await expect.poll(() => local.query(making), POLL).toEqual([]);
      expect(await templateOf(local)).toBeUndefined();
      expect(await local.content()).toBe(BEFORE);
      expect(ended.code, ended.stderr).toBe(code);
      expect(await traces(local.server)).toEqual(left);
      expect(await fetch(dataops, environment)).toMatchObject(LOADED);
      expect(await fetch(dataops, environment)).toMatchObject(COPIED);
      expect(await local.content()).toBe(PRODUCTION);
    },
  );
});

async function comment(local: LocalDatabase, text: string): Promise<void> {
  await local.query(`COMMENT ON DATABASE "${nameOf(local)}" IS '${text.replaceAll("'", "''")}'`, "postgres");
}

async function templateRoles(local: LocalDatabase): Promise<string[]> {
  const rows = await local.query<{ name: string }>(
    "SELECT rolname::text AS name FROM pg_roles WHERE starts_with(rolname, 'dataops_template_')",
    "postgres",
  );
  return rows.map(({ name }) => name);
}
