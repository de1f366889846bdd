import { join } from "node:path";
import { describe, expect } from "vitest";
import type { SharedPostgres } from "../../support/shared-servers.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { fakePrograms } from "../../support/fake-program.ts";
import { createDatabase, test } from "../../support/postgres-test.ts";
import { backUpInto, keysIn } from "../../support/run-backup.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const SAMPLE = `
  CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id;
  CREATE TABLE notes AS SELECT 'note ' || generate_series(1, 1000) AS note`;

/** pg_dump, with its arguments changed by a line of shell. */
async function changedDump(server: SharedPostgres, change: string): ReturnType<typeof fakePrograms> {
  const real = (program: string): string => `'${join(server.programs ?? "", program)}' "$@"`;
  return await fakePrograms("15.99", {
    pg_dump: `${change}\nexec ${real("pg_dump")}`,
    pg_restore: `exec ${real("pg_restore")}`,
  });
}

/** Takes one kind of argument out of a script's own. */
const without = (pattern: string): string =>
  `for a do shift; case "$a" in ${pattern}) ;; *) set -- "$@" "$a" ;; esac; done`;

describe("the rows of each table are in a backup once", () => {
  test.for([
    {
      what: "pg_dump writes the rows of a table that is stored as blocks",
      format: "blocks",
      change: without('*\\"orders\\"'),
      message: "pg_dump wrote the rows of public.orders although they are stored as blocks",
    },
    {
      what: "pg_dump leaves out a table too many",
      format: "blocks",
      change: 'set -- "$@" --exclude-table-data=public.small',
      message: "pg_dump left out the rows of public.small",
    },
    {
      what: "pg_dump leaves out a table, and nothing is stored as blocks",
      format: "archive",
      change: 'set -- "$@" --exclude-table-data=public.orders',
      message: "pg_dump left out the rows of public.orders",
    },
  ] as const)("or it fails: $what", async ({ change, format, message }, { database }) => {
    const folder = await temporaryFolder("contents");
    const client = await database.connect();
    await client.query(`${SAMPLE}; CREATE UNLOGGED TABLE small (id int)`);
    await using programs = await changedDump(database.server, change);
    await expect(
      backUpInto(folder, database.settings, { format, programs: programs.environment }),
    ).rejects.toMatchObject({ exit: "failed", message });
    expect(await keysIn(folder)).toEqual([]);
  });

  test("says early that a large archive lacks a table", async ({ database }) => {
    const folder = await temporaryFolder("contents");
    const client = await database.connect();
    await client.query(SAMPLE);
    const real = (program: string): string => `'${join(database.server.programs ?? "", program)}' "$@"`;
    // Its end never comes. Only the table of contents is read by who would find fault with the rest.
    await using programs = await fakePrograms("15.99", {
      pg_dump: `set -- "$@" --exclude-table-data=public.orders\n${real("pg_dump")}\nhead -c 1000000 /dev/zero\nexec sleep 60`,
      pg_restore: `case " $* " in *" --list "*) exec ${real("pg_restore")} ;; esac\ncat >/dev/null`,
    });
    await expect(
      backUpInto(folder, database.settings, { format: "archive", programs: programs.environment }),
    ).rejects.toMatchObject({ message: "pg_dump left out the rows of public.orders" });
  });

  for (const format of ["archive", "blocks"] as const) {
    test(`of every kind of table, as ${format}, on 15, 16 and 18`, async ({
      postgres15,
      postgres16,
      postgres18,
    }) => {
      for (const server of [postgres15, postgres16, postgres18]) {
        const database = await createDatabase(server);
        const client = await database.connect();
        await client.query(everyKindOfTable({ size: 1_000_000 }));
        const programs = { ...process.env, DATAOPS_POSTGRES_BIN: server.programs };
        const folder = await temporaryFolder("contents");
        const manifest = await backUpInto(folder, database.settings, { format, programs });
        expect(manifest.tables.length).toBeGreaterThan(20);
        expect(manifest.tools.pgDump).toMatch(new RegExp(`^${server.version}\\.`));
        await database.drop();
      }
    });

    test(`where the client is newer than the server, as ${format}`, async ({ database, postgres18 }) => {
      const client = await database.connect();
      await client.query(everyKindOfTable({ size: 300_000 }));
      const programs = { ...process.env, DATAOPS_POSTGRES_BIN: postgres18.programs };
      const folder = await temporaryFolder("contents");
      const manifest = await backUpInto(folder, database.settings, { format, programs });
      expect(manifest.tools.pgDump).toMatch(/^18\./);
    });

    test(`of an extension's configuration tables, as ${format}`, async ({ database }) => {
      const client = await database.connect();
      await client.query(`
        CREATE EXTENSION hstore;
        CREATE TABLE settings AS SELECT n AS id, n > 3 AS own FROM generate_series(1, 10) AS n;
        CREATE TABLE secret AS SELECT 1 AS id;
        CREATE TABLE plain AS SELECT 1 AS id;
        ALTER EXTENSION hstore ADD TABLE settings;
        ALTER EXTENSION hstore ADD TABLE secret;
        UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass::oid], extcondition = ARRAY['WHERE own']
         WHERE extname = 'hstore'`);
      const folder = await temporaryFolder("contents");
      const { tables, blocks } = await backUpInto(folder, database.settings, { format });
      expect(tables.map(({ name, rows }) => [name, rows])).toEqual([
        ["plain", 1],
        ["settings", 7],
      ]);
      expect(blocks?.tables.map(({ name }) => name)).toEqual(format === "blocks" ? ["plain"] : undefined);
    });
  }
});
