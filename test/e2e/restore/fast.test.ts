import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { compareDatabases } from "../../support/compare-databases.ts";
import { laptopConfig, laptopEnvironment, test, traces } from "../../support/e2e-laptop.ts";
import { expectOneLine } from "../../support/e2e-test.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { openTunnel } from "../../support/tunnel.ts";

test.for(["archive", "blocks"])(
  "a fast fetch of a backup stored as %s gives an equal database",
  async (format, { database, local, dataops }) => {
    const folder = await temporaryFolder("storage");
    await (await database.connect()).query(everyKindOfTable({ size: 1_000_000 }));
    const production = { url: urlFor(database.server, database.name), environment: "production" };
    const config = laptopConfig();
    const whole = {
      ...config,
      databases: { ...Object(config["databases"]), production },
      backup: { production: { format } },
    };
    const environment = laptopEnvironment(folder, local);
    const made = await dataops.run(["backup", "production"], { environment, config: whole });
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const fetched = await dataops.run(["fetch-latest-db", "--fast"], { environment, config });
    expect(fetched, fetched.stderr).toMatchObject({ code: 0 });
    expect(await compareDatabases(database.settings, local.settings)).toEqual([]);
    expect(
      await local.query(
        "SELECT relname::text AS name FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'",
      ),
    ).toEqual([{ name: "unlogged" }]);
    expect(await traces(local.server)).toEqual([]);
  },
);

test("a fast fetch is refused where the server is not certainly this machine's, before a download", async ({
  shop,
  local,
  dataops,
}) => {
  await using tunnel = await openTunnel(local.server);
  const url = local.url.replace(/@[^/]+\//, `@${tunnel.host}:${tunnel.port}/`);
  const cache = join(await temporaryFolder("cache"), "archives");
  const environment = laptopEnvironment(shop.folder, { url }, { DATAOPS_CACHE_DIRECTORY: cache });
  const refused = await dataops.run(["fetch-latest-db", "--fast"], { environment });
  expect(refused, refused.stderr).toMatchObject({ code: 13, stdout: "" });
  expectOneLine(refused);
  expect(refused.stderr).toContain("--fast is for a server of this machine");
  await expect(readdir(cache)).rejects.toThrow("ENOENT");
  expect(await local.family()).toEqual([]);
});
