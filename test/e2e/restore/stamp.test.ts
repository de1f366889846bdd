import { describe, expect } from "vitest";
import { changesIn, expectRefused, FLAGS, test } from "../../support/e2e-guard.ts";
import {
  BEFORE,
  laptopConfig,
  laptopEnvironment,
  PRODUCTION,
  type LocalDatabase,
} from "../../support/e2e-laptop.ts";
import { expectOneLine, type Dataops } from "../../support/e2e-test.ts";
import { followLog, urlFor } from "../../support/postgres-servers.ts";
import { runAsSuperuser } from "../../support/postgres-test.ts";
import { openTunnel } from "../../support/tunnel.ts";

describe("a database that is", () => {
  test("stamped production is refused, wherever it is", async ({ shop, local, dataops }) => {
    await local.create();
    await runAsSuperuser(local.server, `ALTER DATABASE ${local.name} SET dataops.environment = 'Production'`);
    const environment = laptopEnvironment(shop.folder, local);
    const ended = await expectRefused(aimed(local, shop), dataops, { environment }, BEFORE);
    expect(ended.stderr).toMatch(/^error: .* is stamped Production$/m);
  });

  test("configured as production is refused once it holds anything", async ({ shop, local, dataops }) => {
    const environment = laptopEnvironment(shop.folder, local);
    const config = laptopConfig({}, "production");
    const target = aimed(local, shop);
    // That is how production comes back.
    const restored = await dataops.run(["restore", target.backup, "--to", "local"], { environment, config });
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    expect(await local.content()).toBe(PRODUCTION);

    const ended = await expectRefused(target, dataops, { environment, config }, PRODUCTION);
    expect(ended.stderr).toMatch(/^error: .*configured as production/m);
  });

  test("production of DATABASE_URL is brought back where it is gone", async ({ shop, local, dataops }) => {
    const environment = { DATABASE_URL: local.url, DATAOPS_STORAGE: `file://${shop.folder}` };
    const restore = ["restore", shop.manifest.id, "--to", "production"];
    const restored = await dataops.run(restore, { environment });
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    const again = await dataops.run([...restore, ...FLAGS], { environment });
    expect(again, again.stderr).toMatchObject({ code: 13, stdout: "" });
    expect(await local.family()).toEqual([local.name]);
  });

  test("on production's server needs a stamp, and gets in with it", async ({
    production,
    local,
    dataops,
  }) => {
    await local.create();
    const target = { ...local, folder: production.folder, backup: production.backup };
    const environment = laptopEnvironment(production.folder, local);
    const config = laptopConfig({}, "staging");
    const ended = await expectRefused(target, dataops, { environment, config }, BEFORE);
    expect(ended.stderr).toMatch(/^hint: .*dataops stamp local staging/m);

    await stampWith(dataops, { environment, config }, local);
    const log = await followLog(local.server);
    const restored = await dataops.run(["fetch-latest-db"], { environment, config });
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    expect(changesIn(await log.read()), "a change is found in the log where there is one").not.toEqual([]);
    expect([await local.content(), await production.content()]).toEqual([PRODUCTION, PRODUCTION]);
  });

  test("on a server that is not certainly this machine's needs a stamp for what it is", async ({
    shop,
    local,
    dataops,
  }) => {
    await local.create();
    await using tunnel = await openTunnel(local.server);
    const target = aimed(local, shop);
    const environment = laptopEnvironment(shop.folder, {
      url: urlFor({ ...local.server, ...tunnel }, local.name),
    });
    const config = laptopConfig({}, "staging");
    const ended = await expectRefused(target, dataops, { environment, config }, BEFORE);
    expect(ended.stderr).toMatch(/^error: .*not certainly this machine's own/m);
    expect(ended.stderr).toMatch(/^hint: .*dataops stamp local staging/m);

    await stampWith(dataops, { environment, config }, local);
    const other = { environment, config: laptopConfig({}, "development") };
    const mistaken = await expectRefused(target, dataops, other, BEFORE);
    expect(mistaken.stderr).toMatch(/^error: .*stamped staging, and local is configured as development/m);

    // The stamp stays with the name, so that the next one gets in as well.
    for (const old of [BEFORE, PRODUCTION]) {
      const restored = await dataops.run(["fetch-latest-db"], { environment, config });
      expect(restored, restored.stderr).toMatchObject({ code: 0 });
      expect([await local.content(), await local.content(`${local.name}__old`)]).toEqual([PRODUCTION, old]);
    }
  });
});

async function stampWith(
  dataops: Dataops,
  options: Parameters<Dataops["run"]>[1],
  local: LocalDatabase,
): Promise<void> {
  const stamp = ["stamp", "local", "staging"];
  const unconfirmed = await dataops.run(stamp, options);
  const mistyped = await dataops.run([...stamp, "--confirm", "local"], options);
  for (const refused of [unconfirmed, mistyped]) {
    expect(refused, refused.stderr).toMatchObject({ code: 13, stdout: "" });
    expectOneLine(refused);
    expect(refused.stderr).toMatch(new RegExp(`^error: .*${local.name}.*1 table, .*not stamped`, "m"));
  }
  expect(await stampOf(local)).toEqual([]);
  const stamped = await dataops.run([...stamp, "--confirm", local.name, "--json"], options);
  expect(stamped, stamped.stderr).toMatchObject({ code: 0 });
  expect(stamped.json()).toEqual({
    target: "local",
    database: local.name,
    environment: "staging",
    before: null,
  });
  expect(await stampOf(local)).toEqual([{ settings: ["dataops.environment=staging"] }]);
}

function stampOf(local: LocalDatabase): Promise<Record<string, unknown>[]> {
  return local.query(
    `SELECT setconfig AS settings FROM pg_db_role_setting JOIN pg_database ON oid = setdatabase WHERE datname = '${local.name}'`,
    "postgres",
  );
}

function aimed(local: LocalDatabase, { manifest }: { manifest: { id: string } }) {
  return { ...local, backup: manifest.id };
}
