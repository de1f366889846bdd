import { describe, expect } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { connect, type PostgresClient } from "../../../src/postgres/client.ts";
import type { Permission } from "../../../src/replace/guard/destructive.ts";
import { findDatabase } from "../../../src/replace/swap/replaced.ts";
import { rehearseSwap, swap } from "../../../src/replace/swap/swap.ts";
import { connectMaintenance } from "../../../src/replace/guard/target-facts.ts";
import { runAsSuperuser, uniqueName, type TestDatabase } from "../../support/postgres-test.ts";
import {
  connection,
  contentOf,
  createScratch,
  databasesOf,
  dropOthers,
  fill,
  permit,
  RUN_ID,
  runIn,
} from "../../support/restore-target.ts";
import { optionsFor, test } from "../../support/swap-test.ts";

describe("after a failure the target has its name and answers", () => {
  async function expectUntouched(target: TestDatabase, permission: Permission): Promise<void> {
    expect(await contentOf(target)).toBe("current");
    const found = await findDatabase(permission.maintenance, target.name);
    expect(found).toEqual({ name: target.name, oid: permission.oid, comment: null });
    expect(await databasesOf(target)).toEqual([target.name, `${target.name}__new_${RUN_ID}`]);
  }

  test("when the last rename fails: somebody sits in the scratch database", async ({
    target,
    maintenance,
  }) => {
    const permission = await permit(maintenance, target.settings);
    // Hidden from the look beforehand by our own application name: only the server's own count finds it.
    await using sitting = await connect(target.settings, {
      ...connection,
      database: `${target.name}__new_${RUN_ID}`,
    });
    await expect(swap(permission, optionsFor(target))).rejects.toMatchObject({ exit: "refused" });
    await sitting[Symbol.asyncDispose]();
    await expectUntouched(target, permission);
  });

  test("when the run is aborted in the middle of the renames", async ({ target, maintenance }) => {
    const permission = await permit(maintenance, target.settings);
    const abort = new AbortController();
    await using doomed = await connectMaintenance(target.settings, { ...connection, signal: abort.signal });
    const doomedPermission = await permit(doomed, target.settings);
    await using sitting = await connect(target.settings, {
      ...connection,
      database: `${target.name}__new_${RUN_ID}`,
    });
    const swapping = swap(doomedPermission, optionsFor(target));
    const settled = swapping.catch((error: unknown) => error);
    // The last rename waits for the session in the scratch database: then the first one is done.
    await until(maintenance, `query LIKE 'ALTER DATABASE "${target.name}__new_${RUN_ID}" RENAME%'`);
    abort.abort(new Error("stop"));
    expect(await settled).toMatchObject({ message: "stop" });
    await sitting[Symbol.asyncDispose]();
    await until(maintenance, `query LIKE 'ALTER DATABASE "${target.name}%' AND state = 'active'`, false);
    await expectUntouched(target, permission);
  });

  test("when another database has taken the name by then", async ({ target, maintenance }) => {
    const permission = await permit(maintenance, target.settings);
    const away = uniqueName("away");
    await runAsSuperuser(target.server, `ALTER DATABASE ${target.name} RENAME TO ${away}`);
    await runAsSuperuser(target.server, `CREATE DATABASE ${target.name} TEMPLATE template0`);
    await fill(target, target.name, "of another");
    await expect(swap(permission, optionsFor(target))).rejects.toMatchObject({
      exit: "refused",
      message: `database ${target.name} is no longer the one that was looked at`,
    });
    expect(await contentOf(target)).toBe("of another");
    await runAsSuperuser(target.server, `DROP DATABASE ${away}`);
  });

  test("when it was stamped production meanwhile", async ({ target, maintenance }) => {
    const permission = await permit(maintenance, target.settings);
    await runAsSuperuser(
      target.server,
      `ALTER DATABASE ${target.name} SET dataops.environment = 'production'`,
    );
    await expect(swap(permission, optionsFor(target))).rejects.toMatchObject({
      exit: "refused",
      message: `database ${target.name} is stamped production`,
    });
    await expectUntouched(target, permission);
  });

  test("when an empty one that needed no yes was filled meanwhile", async ({ database, maintenance }) => {
    await createScratch(database);
    const permission = await permit(maintenance, database.settings, { confirmed: false });
    await fill(database, database.name, "current");
    await expect(swap(permission, optionsFor(database))).rejects.toMatchObject({
      exit: "refused",
      hint: "confirm it with --yes",
    });
    await expectUntouched(database, permission);
    await dropOthers(database);
  });

  test("when the role may not give the scratch database what the target has", async ({
    target,
    onTestFinished,
  }) => {
    const role = uniqueName("plain");
    await runAsSuperuser(
      target.server,
      `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'password';
       ALTER DATABASE ${target.name} OWNER TO ${role};
       ALTER DATABASE ${target.name}__new_${RUN_ID} OWNER TO ${role};
       ALTER DATABASE ${target.name} SET shop.flavour = 'sweet'`,
    );
    onTestFinished(async () => {
      await target.drop();
      await dropOthers(target);
      await runAsSuperuser(target.server, `DROP ROLE IF EXISTS ${role}`);
    });
    const settings = { ...target.settings, user: role, password: new Secret("password") };
    await using plain = await connectMaintenance(settings, connection);
    await runIn(target, target.name, `ALTER TABLE content OWNER TO ${role}`);
    const permission = await permit(plain, settings);
    const denied = {
      exit: "notPermitted",
      message: expect.stringContaining("shop.flavour"),
      hint: expect.stringContaining("GRANT SET ON PARAMETER shop.flavour"),
    };
    await expect(rehearseSwap(permission)).rejects.toMatchObject(denied);
    await expect(swap(permission, optionsFor(target))).rejects.toMatchObject(denied);
    await expectUntouched(target, permission);

    await runAsSuperuser(target.server, `GRANT SET ON PARAMETER shop.flavour TO ${role}`);
    await rehearseSwap(permission);
    await swap(permission, optionsFor(target));
    await runAsSuperuser(target.server, `REVOKE SET ON PARAMETER shop.flavour FROM ${role}`);
    expect(await contentOf(target)).toBe("new");
  });

  async function until(client: PostgresClient, condition: string, expected = true): Promise<void> {
    for (;;) {
      const rows = await client.query(
        `SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND ${condition}`,
      );
      if (rows.length > 0 === expected) return;
    }
  }
});
