import { describe, expect } from "vitest";
import { connect } from "../../../src/postgres/client.ts";
import { quoteIdentifier } from "../../../src/postgres/quote.ts";
import { readProperties } from "../../../src/replace/swap/carry-over.ts";
import { oldName, passingName } from "../../../src/replace/scratch/names.ts";
import { addMark } from "../../../src/replace/swap/old-mark.ts";
import { findDatabase } from "../../../src/replace/swap/replaced.ts";
import { rehearseSwap, swap } from "../../../src/replace/swap/swap.ts";
import { connectMaintenance } from "../../../src/replace/guard/target-facts.ts";
import { undo } from "../../../src/replace/swap/undo.ts";
import { createDatabase, runAsSuperuser, uniqueName } from "../../support/postgres-test.ts";
import {
  connection,
  contentOf,
  createScratch,
  databasesOf,
  dropOthers,
  exchangeOptions,
  fill,
  permit,
  recordingReporter,
  RUN_ID,
} from "../../support/restore-target.ts";
import { optionsFor, swapNow, test } from "../../support/swap-test.ts";

describe("a swap", () => {
  test("puts the scratch database in the target's place, and keeps the replaced one", async ({
    target,
    maintenance,
  }) => {
    const old = oldName(target.name);
    expect(await swapNow(maintenance, target)).toEqual({ old, endedSessions: [] });
    expect(await databasesOf(target)).toEqual([target.name, old]);
    expect(await contentOf(target)).toBe("new");
    expect(await contentOf(target, old)).toBe("current");
  });

  test("drops the one that was kept before, after the new one is in place", async ({
    target,
    maintenance,
  }) => {
    await swapNow(maintenance, target);
    await createScratch(target, "newer");
    await swapNow(maintenance, target);
    expect(await databasesOf(target)).toEqual([target.name, oldName(target.name)]);
    expect(await contentOf(target)).toBe("newer");
    expect(await contentOf(target, oldName(target.name))).toBe("new");
  });

  test("keeps none when told so", async ({ target, maintenance }) => {
    const outcome = await swapNow(maintenance, target, { keepOld: false });
    expect(outcome.old).toBeUndefined();
    expect(await databasesOf(target)).toEqual([target.name]);
    expect(await contentOf(target)).toBe("new");
  });

  test("into nothing is a single rename", async ({ target, maintenance }) => {
    await runAsSuperuser(target.server, `DROP DATABASE ${target.name}`);
    expect(await swapNow(maintenance, target)).toEqual({ old: undefined, endedSessions: [] });
    expect(await databasesOf(target)).toEqual([target.name]);
    expect(await contentOf(target)).toBe("new");
  });

  test("drops what a killed run had set aside, and nothing that only looks so", async ({
    target,
    maintenance,
  }) => {
    const aside = passingName(target.name, "aaaaaa");
    const stranger = passingName(target.name, "bbbbbb");
    await runAsSuperuser(target.server, `CREATE DATABASE ${aside} TEMPLATE template0`);
    await runAsSuperuser(target.server, `CREATE DATABASE ${stranger} TEMPLATE template0`);
    await runAsSuperuser(
      target.server,
      `COMMENT ON DATABASE ${aside} IS '${addMark(null, target.name)}'; COMMENT ON DATABASE ${stranger} IS '${addMark(null, "another")}'`,
    );
    const reporter = recordingReporter();
    await swapNow(maintenance, target, { reporter });
    // Not even tried: that would have been told as a warning.
    expect(reporter.said).toEqual([]);
    expect(await databasesOf(target)).toEqual([target.name, oldName(target.name), stranger]);
    await runAsSuperuser(target.server, `DROP DATABASE ${stranger}`);
  });

  test("refuses where a stranger has the replaced one's name", async ({ target, maintenance }) => {
    const stranger = oldName(target.name);
    await runAsSuperuser(target.server, `CREATE DATABASE ${stranger} TEMPLATE template0`);
    const permission = await permit(maintenance, target.settings);
    const refusal = {
      exit: "refused",
      message: `database ${stranger} is no replaced version of ${target.name}`,
    };
    await expect(rehearseSwap(permission)).rejects.toMatchObject(refusal);
    await expect(swap(permission, optionsFor(target))).rejects.toMatchObject(refusal);
    expect(await contentOf(target)).toBe("current");
  });
});

test("works on later versions, and so does the rehearsal", async ({ postgres16, postgres18 }) => {
  for (const server of [postgres16, postgres18]) {
    const target = await createDatabase(server);
    await fill(target, target.name, "current");
    await runAsSuperuser(server, `ALTER DATABASE ${target.name} SET dataops.environment = 'development'`);
    await createScratch(target);
    await using maintenance = await connectMaintenance(target.settings, connection);
    const permission = await permit(maintenance, target.settings, { confirmed: false });
    await rehearseSwap(permission);
    await swap(permission, optionsFor(target));
    expect(await contentOf(target)).toBe("new");
    const again = await permit(maintenance, target.settings, { confirmed: false });
    await undo(again, exchangeOptions);
    expect(await contentOf(target)).toBe("current");
    await target.drop();
    await dropOthers(target);
  }
});

describe("a swap carries over", () => {
  test("owner, privileges, connection limit, comment, settings and stamp", async ({
    target,
    maintenance,
    onTestFinished,
  }) => {
    const owner = `${uniqueName("owner")} "x"`;
    const reader = uniqueName("reader");
    const name = quoteIdentifier(target.name);
    await runAsSuperuser(
      target.server,
      `CREATE ROLE ${quoteIdentifier(owner)}; CREATE ROLE ${reader};
       ALTER DATABASE ${name} OWNER TO ${quoteIdentifier(owner)};
       ALTER DATABASE ${name} CONNECTION LIMIT 7;
       REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
       GRANT CONNECT ON DATABASE ${name} TO ${reader} WITH GRANT OPTION;
       COMMENT ON DATABASE ${name} IS 'it''s \\ the shop';
       ALTER DATABASE ${name} SET dataops.environment = 'development';
       ALTER DATABASE ${name} SET search_path = '$user', 'a "b", c', public;
       ALTER DATABASE ${name} SET app.note = 'it''s, "quoted" = \\';
       ALTER DATABASE ${name} SET work_mem = '8MB';
       ALTER ROLE ${reader} IN DATABASE ${name} SET statement_timeout = '5s'`,
    );
    onTestFinished(async () => {
      await target.drop();
      await dropOthers(target);
      await runAsSuperuser(target.server, `DROP ROLE ${quoteIdentifier(owner)}; DROP ROLE ${reader}`);
    });
    // What the scratch database has of its own goes.
    await runAsSuperuser(
      target.server,
      `ALTER DATABASE ${target.name}__new_${RUN_ID} SET work_mem = '1MB';
       ALTER DATABASE ${target.name}__new_${RUN_ID} SET jit = off;
       GRANT CREATE ON DATABASE ${target.name}__new_${RUN_ID} TO ${reader}`,
    );
    const before = await findDatabase(maintenance, target.name);
    const wanted = await readProperties(maintenance, before?.oid ?? 0);
    await swapNow(maintenance, target);
    const after = await findDatabase(maintenance, target.name);
    expect(after?.oid).not.toBe(before?.oid);
    const carried = await readProperties(maintenance, after?.oid ?? 0);
    expect(sorted(carried)).toEqual(sorted(wanted));
    expect(carried).toMatchObject({ owner, connectionLimit: 7, comment: "it's \\ the shop" });
    expect(JSON.stringify(carried.settings)).toContain("dataops.environment=development");
  });

  test("default privileges as defaults", async ({ target, maintenance }) => {
    await runAsSuperuser(
      target.server,
      `REVOKE CONNECT ON DATABASE ${target.name}__new_${RUN_ID} FROM PUBLIC`,
    );
    await swapNow(maintenance, target);
    await using client = await connect(target.settings, { applicationName: "test" });
    const [row] = await client.query(
      `SELECT has_database_privilege('pg_monitor', current_database(), 'CONNECT') AS connect,
              has_database_privilege('pg_monitor', current_database(), 'CREATE') AS create`,
    );
    expect(row).toEqual({ connect: true, create: false });
  });

  function sorted<T extends { privileges: unknown; settings: { role: string | null; settings: string[] }[] }>(
    properties: T,
  ): T {
    const byText = (one: unknown, other: unknown): number =>
      JSON.stringify(one).localeCompare(JSON.stringify(other));
    const { privileges } = properties;
    return {
      ...properties,
      privileges: Array.isArray(privileges) ? privileges.toSorted(byText) : privileges,
      settings: properties.settings
        .map(({ role, settings }) => ({ role, settings: settings.toSorted(byText) }))
        .toSorted(byText),
    };
  }
});
