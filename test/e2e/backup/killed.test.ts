import { expect, onTestFinished } from "vitest";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import { createBulk } from "../../support/e2e-database.ts";
import { environmentOf, test } from "../../support/e2e-test.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { createDatabase } from "../../support/postgres-test.ts";

/** As text twice as much, of which one pack of 64 MB is full about half-way. */
const MEGABYTES = 110;

test(
  "a backup killed in its middle is no backup, and the next one does not store again what it had stored",
  { timeout: 180_000 },
  async ({ database, bucket, dataops }) => {
    await createBulk(await database.connect(), MEGABYTES);
    const restored = await createDatabase(database.server);
    onTestFinished(() => restored.drop());
    const environment = environmentOf(database, bucket, {
      LOCAL_DATABASE_URL: urlFor(database.server, restored.name),
      DATAOPS_POSTGRES_BIN: database.server.programs ?? "",
      DATAOPS_LEASE_DURATION: "3s",
    });
    const packs = async (): Promise<string[]> =>
      (await bucket.keys()).filter((key) => key.startsWith("production/packs/"));

    const killed = await dataops.start(["backup"], { environment });
    await killed.until("a pack is whole", async () => (await packs()).length > 0);
    killed.kill("SIGKILL");
    await killed.exited;
    const [left] = await packs();
    expect((await dataops.run(["list", "--json"], { environment })).json()).toMatchObject({ backups: [] });
    expect(await dataops.run(["fetch-latest-db", "--yes"], { environment })).toMatchObject({ code: 10 });
    const made = await dataops.run(["backup", "--json"], { environment });
    expect(made, made.stderr).toMatchObject({ code: 0 });
    expect(made.stderr).toMatch(/"run \S+ of backup production was lost/);
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the test looks at
    const { id, blocks } = made.json() as Manifest;
    const names = blocks?.packs.map(({ name }) => `production/packs/${name}.pack`) ?? [];
    expect(names).toContain(left);
    const own = blocks?.packs.filter(({ name }) => name.startsWith(id)) ?? [];
    const all = blocks?.packs.reduce((sum, { size }) => sum + size, 0) ?? 0;
    expect(own.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(all / 2);

    const fetched = await dataops.run(["restore", id, "--to", "local", "--yes"], { environment });
    expect(fetched, fetched.stderr).toMatchObject({ code: 0 });
    expect(await compareDatabases(database.settings, restored.settings)).toEqual([]);
  },
);
