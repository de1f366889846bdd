import { expect, onTestFinished } from "vitest";
import type { Manifest } from "../../../src/repository/manifest.ts";
import type { DataopsExit } from "../../support/dataops-process.ts";
import { environmentOf, expectOneLine, test } from "../../support/e2e-test.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { createDatabase } from "../../support/postgres-test.ts";

function manifestOf(exit: DataopsExit): Manifest {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what the program says of itself
  return exit.json() as Manifest;
}

test("half of the rows gone, a table gone, a table emptied: suspect, exit 3, and not the latest until accepted", async ({
  database,
  bucket,
  dataops,
}) => {
  const client = await database.connect();
  await client.query(`
    CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id;
    CREATE TABLE notes AS SELECT generate_series(1, 20) AS id;
    CREATE TABLE tags AS SELECT generate_series(1, 30) AS id`);
  const local = await createDatabase(database.server);
  onTestFinished(() => local.drop());
  const environment = environmentOf(database, bucket, {
    LOCAL_DATABASE_URL: urlFor(local.server, local.name),
  });
  const run = async (...args: string[]): Promise<DataopsExit> => dataops.run(args, { environment });
  const latest = async (): Promise<string> => manifestOf(await run("show", "latest", "--json")).id;

  // The first has nothing to be compared with.
  const first = await run("backup", "--json");
  expect(first).toMatchObject({ code: 0 });
  const good = manifestOf(first);
  expect(good).not.toHaveProperty("suspect");

  await client.query("DELETE FROM orders WHERE id > 475");
  await client.query("TRUNCATE notes; DROP TABLE tags");
  const second = await run("backup", "--json");
  expect(second).toMatchObject({ code: 3 });
  const suspect = manifestOf(second);
  expect(suspect.suspect).toEqual([
    `public.tags is gone: it had 30 rows in ${good.id}`,
    `public.notes is empty: it had 20 rows in ${good.id}`,
    `475 rows in all: there were 1,050 in ${good.id}`,
  ]);
  expect(await latest()).toBe(good.id);

  // Compared with the good one: a suspect is no measure, or the next would be as good as it.
  const third = await run("backup");
  expect(third).toMatchObject({ code: 3 });
  expect(third.stderr).toMatch(
    new RegExp(
      `^warning: backup \\S+ is suspect: public\\.tags is gone.* in ${good.id}.*\`dataops accept \\S+\``,
      "m",
    ),
  );
  expect((await run("list")).stdout).toMatch(/ MARKS\n.* suspect\n.* suspect\n(?!.*suspect).*\n$/);

  const fetched = await run("fetch-latest-db", "--yes");
  expect(fetched, fetched.stderr).toMatchObject({ code: 0 });
  expect(fetched.stderr).toMatch(/is newer and was passed over, and 1 more suspect backup: it is suspect \(/);
  expect(fetched.stdout).toContain(`restored ${good.id}`);

  for (const time of ["first", "again"]) {
    const accepted = await run("accept", suspect.id, "--reason", "orders were archived");
    expect(accepted, time).toMatchObject({ code: 0 });
  }
  expect(await latest()).toBe(suspect.id);
  const shown = await run("show", suspect.id);
  expect(shown.stdout).toMatch(/^was suspect +public\.tags is gone/m);
  expect(shown.stdout).toMatch(/^accepted +since \S+: orders were archived$/m);
  expect((await run("list")).stdout).toMatch(/ suspect\n.* accepted\n(?!.*(suspect|accepted)).*\n$/);

  // Now this is what the next one is compared with.
  expect(await run("backup")).toMatchObject({ code: 0 });

  const missing = await run("accept", "20200101T000000Z-aaaaaa");
  expect(missing).toMatchObject({ code: 10 });
  expectOneLine(missing);
});

test("a backup is kept until the pin is taken away, and each may be said twice", async ({
  bucket,
  database,
  dataops,
}) => {
  const environment = environmentOf(database, bucket);
  const { id } = manifestOf(await dataops.run(["backup", "--json"], { environment }));
  const key = `production/backups/${id}/kept.json`;
  const keep = async (...args: string[]): Promise<DataopsExit> =>
    dataops.run(["keep", id, ...args], { environment });

  expect(await keep("--reason", "  before the migration ")).toMatchObject({ code: 0 });
  const written = (await bucket.read(key)).toString();
  expect(JSON.parse(written)).toEqual({
    format: 1,
    id,
    database: "production",
    at: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
    reason: "before the migration",
  });
  expect(await keep("--reason", "again")).toMatchObject({ code: 0 });
  expect((await bucket.read(key)).toString()).toBe(written);
  expect((await dataops.run(["list"], { environment })).stdout).toMatch(/ MARKS\n.* kept\n$/);

  expect(await keep("--remove")).toMatchObject({ code: 0 });
  expect(await keep("--remove")).toMatchObject({ code: 0 });
  expect(await bucket.keys()).not.toContain(key);

  expect(await keep("--reason", "x".repeat(1001))).toMatchObject({ code: 2 });
});
