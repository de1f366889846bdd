import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, vi } from "vitest";
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
} from "../../support/e2e-laptop.ts";
import { chinook } from "../../support/data/chinook.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import {
  COPIED,
  FETCH,
  fetchLatest,
  LOADED,
  templateOf,
  templateRoles,
} from "../../support/restore-templates.ts";

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

      const first = await fetchLatest(dataops, environment, { args });
      expect(first, first.stderr).toMatchObject(LOADED);
      const loaded = await compareDatabases(database.settings, local.settings);
      // Neither the archive nor the cache: every run has a home of its own.
      await rm(join(folder, archiveKey(manifest.database, manifest.id)));
      const again = await fetchLatest(dataops, environment, { args });
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
      const fetched = await fetchLatest(dataops, environment, { restore: { after: [{ sql: step }] } });
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
    const again = await fetchLatest(dataops, environment);
    expect(again, again.stderr).toMatchObject(COPIED);
    expect(await local.content()).toBe(PRODUCTION);
  });

  test("is copied after an undo, and undone again", async ({ shop, local, dataops }) => {
    await local.create();
    const environment = laptopEnvironment(shop.folder, local);
    expect(await fetchLatest(dataops, environment)).toMatchObject(LOADED);
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
      const fetched = await fetchLatest(dataops, environment, { args });
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
    expect(await fetchLatest(dataops, environment)).toMatchObject(LOADED);
    const roles = await templateRoles(local);
    await production.query("UPDATE content SET value = 'second'");
    const second = await backUp(database, folder);
    for (const expected of [LOADED, COPIED]) {
      expect(await fetchLatest(dataops, environment)).toMatchObject({ ...expected, backup: second.id });
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
    expect(await fetchLatest(dataops, environment)).toMatchObject({ ...LOADED, leftOut });
    expect(await fetchLatest(dataops, environment)).toMatchObject({ ...COPIED, leftOut });
    expect(await local.query(policies)).toEqual([]);

    await runAsSuperuser(local.server, `CREATE ROLE ${role}`);
    onTestFinished(async () => {
      await local.drop();
      await runAsSuperuser(local.server, `DROP ROLE ${role}`);
    });
    for (const expected of [LOADED, COPIED]) {
      expect(await fetchLatest(dataops, environment)).toMatchObject({ ...expected, leftOut: [] });
      expect(await local.query(policies)).toEqual([{ name: "theirs" }]);
    }
    expect(await fetchLatest(dataops, environment, { args: ["--as-superuser"] })).toMatchObject(LOADED);
  });

  test("is not kept where the configuration says so, and one from before is dropped", async ({
    shop,
    local,
    dataops,
  }) => {
    const environment = laptopEnvironment(shop.folder, local);
    expect(await fetchLatest(dataops, environment)).toMatchObject(LOADED);
    const roles = await templateRoles(local);
    const off = await fetchLatest(dataops, environment, { restore: { template: false } });
    expect(off, off.stderr).toMatchObject(LOADED);
    expect(await templateOf(local)).toBeUndefined();
    expect(await templateRoles(local)).toHaveLength(roles.length - 1);
    expect(await fetchLatest(dataops, environment, { restore: { template: false } })).toMatchObject(LOADED);
    expect(await templateOf(local)).toBeUndefined();
  });
});
