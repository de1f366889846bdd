import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, vi } from "vitest";
import { discoverTools } from "../../../src/postgres/tools.ts";
import { readTemplateMark } from "../../../src/replace/template/mark.ts";
import {
  BEFORE,
  contentTable,
  laptopConfig,
  laptopEnvironment,
  PRODUCTION,
  test,
  traces,
  type LocalDatabase,
} from "../../support/e2e-laptop.ts";
import { fakePrograms } from "../../support/fake-program.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import { connect } from "../../../src/postgres/client.ts";
import { runAsSuperuser, uniqueName } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import {
  changeTemplate,
  COPIED,
  FETCH,
  fetchLatest,
  LOADED,
  markTemplate,
  templateNameOf,
  templateOf,
} from "../../support/restore-templates.ts";

/** Otherwise each signal and each moment is tried once. */
const isThorough = process.env["TEST_ALL"] === "1";

/** Milliseconds. */
const POLL = { interval: 20, timeout: 30_000 };

describe("the template", () => {
  test.for<{ what: string; make: (local: LocalDatabase, mark: string) => Promise<void> }>([
    { what: "without a mark", make: async () => undefined },
    {
      what: "with the mark of another's template",
      make: (local, mark) => markTemplate(local, mark.replace(`"${local.name}"`, `"${local.name}_other"`)),
    },
    {
      what: "with a mark, by somebody who is not who restores",
      make: async (local, mark) => {
        const role = uniqueName("forger");
        await runAsSuperuser(
          local.server,
          `CREATE ROLE ${role}; ALTER DATABASE "${templateNameOf(local)}" OWNER TO ${role}`,
        );
        await markTemplate(local, mark);
      },
    },
  ])("is no database $what: that is left as it is, and told", async ({ make }, { shop, local, dataops }) => {
    const environment = laptopEnvironment(shop.folder, local);
    expect(await fetchLatest(dataops, environment)).toMatchObject(LOADED);
    const mark = (await templateOf(local))?.comment ?? "";
    await runAsSuperuser(local.server, `DROP DATABASE "${templateNameOf(local)}"`);
    await runAsSuperuser(local.server, `CREATE DATABASE "${templateNameOf(local)}" TEMPLATE template0`);
    await local.query(contentTable("somebody's own"), templateNameOf(local));
    await make(local, mark);
    const before = await templateOf(local);

    const fetched = await fetchLatest(dataops, environment);
    expect(fetched, fetched.stderr).toMatchObject(LOADED);
    expect(fetched.stderr).toContain(`database ${templateNameOf(local)} has its name, and is none`);
    const off = await fetchLatest(dataops, environment, { restore: { template: false } });
    expect(off, off.stderr).toMatchObject(LOADED);
    expect(await templateOf(local)).toEqual(before);
    expect(await local.content(templateNameOf(local))).toBe("somebody's own");
    expect(await local.content()).toBe(PRODUCTION);
  });

  test.for<{ what: string; says: string; spoil: (local: LocalDatabase) => Promise<void> }>([
    {
      what: "whose mark is damaged",
      says: "does not say what it holds",
      spoil: async (local) => {
        const mark = (await templateOf(local))?.comment ?? "";
        await markTemplate(local, mark.replace('"digest"', '"digestion"'));
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
        await local.query(`ALTER DATABASE "${templateNameOf(local)}" ALLOW_CONNECTIONS true`, "postgres");
        const session = await connect(
          { ...local.settings, database: templateNameOf(local) },
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
      expect(await fetchLatest(dataops, environment)).toMatchObject(LOADED);
      await spoil(local);
      const fetched = await fetchLatest(dataops, environment);
      expect(fetched, fetched.stderr).toMatchObject(LOADED);
      expect(fetched.stderr).toContain(says);
      expect(await local.content()).toBe(PRODUCTION);
      expect(await local.query("SELECT count(*)::int AS rows FROM customers")).toEqual([{ rows: 1000 }]);
      expect(await traces(local.server)).toEqual([]);
    },
  );

  test("helps nobody past the guard", async ({ shop, local, dataops }) => {
    const environment = laptopEnvironment(shop.folder, local);
    expect(await fetchLatest(dataops, environment)).toMatchObject(LOADED);
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
                       WHERE state = 'active' AND starts_with(query, '${statement} "${templateNameOf(local)}_')`;
      await run.until("the template is being made", async () => {
        const waiting = await local.query(`${making} AND wait_event_type = 'Lock'`);
        return waiting.length > 0;
      });
      run.kill(signal);
      // One that is told to end gives its statement up; of one that is gone the server knows nothing while it waits.
      await (signal === "SIGKILL"
        ? run.exited
        : vi.waitUntil(async () => (await local.query(making)).length === 0, POLL));
      await lock.query("ROLLBACK");
      const ended = await run.exited;
      await expect.poll(() => local.query(making), POLL).toEqual([]);
      expect(await templateOf(local)).toBeUndefined();
      expect(await local.content()).toBe(BEFORE);
      expect(ended.code, ended.stderr).toBe(code);
      expect(await traces(local.server)).toEqual(left);
      expect(await fetchLatest(dataops, environment)).toMatchObject(LOADED);
      expect(await fetchLatest(dataops, environment)).toMatchObject(COPIED);
      expect(await local.content()).toBe(PRODUCTION);
    },
  );
});
